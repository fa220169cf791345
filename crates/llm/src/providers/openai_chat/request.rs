//! The body of a request.

use std::borrow::Cow;

use serde::Serialize;
use webchat_domain::ModelParameters;

use crate::providers::capabilities::Capabilities;
use crate::providers::system_role::messages_for;
use crate::{ChatMessage, ChatRequest, HttpSettings};

/// The body of a request, as in <https://platform.openai.com/docs/api-reference/chat/create>.
#[derive(Serialize)]
pub(in crate::providers) struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    messages: Cow<'a, [ChatMessage]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(flatten)]
    parameters: ModelParameters,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

impl<'a> Body<'a> {
    pub(in crate::providers) fn new(
        settings: &'a HttpSettings,
        capabilities: Capabilities,
        request: &'a ChatRequest,
    ) -> Self {
        let tokens = request.answer_limit.requested();
        let (max_tokens, max_completion_tokens) =
            if capabilities.max_completion_tokens() { (None, tokens) } else { (tokens, None) };
        let options = StreamOptions { include_usage: true };
        Self {
            model: settings.model.as_deref(),
            messages: messages_for(capabilities, &request.messages),
            max_tokens,
            max_completion_tokens,
            stream: capabilities.stream,
            stream_options: capabilities.sends_stream_options().then_some(options),
            parameters: request.parameters.or(settings.parameters),
            stop: &request.stop,
        }
    }
}
