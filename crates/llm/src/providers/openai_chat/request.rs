//! The body of a request.

use serde::Serialize;
use webchat_domain::ModelParameters;

use super::capabilities::Capabilities;
use crate::{ChatMessage, ChatRequest, HttpSettings};

/// The body of a request, as in <https://platform.openai.com/docs/api-reference/chat/create>.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    messages: &'a [ChatMessage],
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(flatten)]
    parameters: ModelParameters,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

impl<'a> Body<'a> {
    pub(super) fn new(
        settings: &'a HttpSettings,
        capabilities: Capabilities,
        request: &'a ChatRequest,
    ) -> Self {
        let tokens = Some(request.max_answer_tokens);
        let (max_tokens, max_completion_tokens) =
            if capabilities.max_completion_tokens { (None, tokens) } else { (tokens, None) };
        let options = StreamOptions { include_usage: true };
        Self {
            model: settings.model.as_deref(),
            messages: &request.messages,
            max_tokens,
            max_completion_tokens,
            stream: true,
            stream_options: capabilities.stream_options.then_some(options),
            parameters: request.parameters.or(settings.parameters),
        }
    }
}
