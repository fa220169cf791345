//! The body of a request.

use std::borrow::Cow;

use serde::Serialize;
use webchat_domain::{ModelParameters, Probability, ReasoningEffort, Temperature};

use crate::providers::capabilities::Capabilities;
use crate::providers::system_role::messages_for;
use crate::{ChatMessage, ChatRequest, HttpSettings};

/// The smallest maximum length of an answer that the API accepts, in tokens.
const MIN_OUTPUT_TOKENS: u32 = 16;

/// The body of a request, as in <https://platform.openai.com/docs/api-reference/responses/create>.
#[derive(Serialize)]
pub(in crate::providers) struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    /// With the system messages, which can be several, in their order. Each request begins with the whole of the last
    /// one, so that providers can cache it.
    input: Cow<'a, [ChatMessage]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    stream: bool,
    /// The provider stores the answer by default.
    store: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<Temperature>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<Probability>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Reasoning>,
}

#[derive(Serialize)]
struct Reasoning {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<ReasoningEffort>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'static str>,
}

impl<'a> Body<'a> {
    pub(in crate::providers) fn new(
        settings: &'a HttpSettings,
        capabilities: Capabilities,
        request: &'a ChatRequest,
    ) -> Self {
        let parameters = request.parameters.or(settings.parameters);
        let summary = capabilities.wants_reasoning_summary().then_some("auto");
        let effort = parameters.reasoning_effort;
        let has_reasoning = summary.is_some() || effort.is_some();
        Self {
            model: settings.model.as_deref(),
            input: messages_for(capabilities, &request.messages),
            max_output_tokens: request
                .answer_limit
                .requested()
                .map(|tokens| tokens.max(MIN_OUTPUT_TOKENS)),
            stream: capabilities.stream,
            store: false,
            temperature: parameters.temperature,
            top_p: parameters.top_p,
            reasoning: has_reasoning.then_some(Reasoning { effort, summary }),
        }
    }
}

/// Returns the names of the parameters that the API does not have.
pub(in crate::providers) fn left_out(parameters: &ModelParameters) -> Vec<&'static str> {
    let all = [
        ("presence_penalty", parameters.presence_penalty.is_some()),
        ("frequency_penalty", parameters.frequency_penalty.is_some()),
        ("seed", parameters.seed.is_some()),
    ];
    all.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name).collect()
}
