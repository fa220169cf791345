//! The body of a request.

use std::borrow::Cow;

use serde::Serialize;
use webchat_domain::ModelParameters;

use super::capabilities::Capabilities;
use crate::{ChatMessage, ChatRequest, ChatRole, HttpSettings};

/// The body of a request, as in <https://platform.openai.com/docs/api-reference/chat/create>.
#[derive(Serialize)]
pub(super) struct Body<'a> {
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
    pub(super) fn new(
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
            messages: if capabilities.system_role {
                Cow::Borrowed(request.messages.as_slice())
            } else {
                Cow::Owned(without_system_role(&request.messages))
            },
            max_tokens,
            max_completion_tokens,
            stream: capabilities.stream,
            stream_options: (capabilities.stream && capabilities.stream_options).then_some(options),
            parameters: request.parameters.or(settings.parameters),
            stop: &request.stop,
        }
    }
}

/// Puts the texts of system messages before the first message of the user.
fn without_system_role(messages: &[ChatMessage]) -> Vec<ChatMessage> {
    let (system, mut others): (Vec<_>, Vec<_>) =
        messages.iter().cloned().partition(|message| message.role == ChatRole::System);
    let mut texts: Vec<_> = system.into_iter().map(|message| message.content).collect();
    match others.first_mut() {
        Some(first) if first.role == ChatRole::User => {
            texts.push(std::mem::take(&mut first.content));
            first.content = texts.join("\n\n");
        }
        _ if texts.is_empty() => {}
        _ => others.insert(0, ChatMessage { role: ChatRole::User, content: texts.join("\n\n") }),
    }
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_of_the_user_begins_with_the_instructions() {
        let message = |role, content: &str| ChatMessage { role, content: content.to_owned() };
        let system = message(ChatRole::System, "Be brief.");
        let answer = message(ChatRole::Assistant, "Hello.");
        let question = message(ChatRole::User, "Why?");

        let usual = without_system_role(&[system.clone(), question.clone(), answer.clone()]);
        let unusual = without_system_role(&[system, answer.clone(), question]);

        assert_eq!(usual, [message(ChatRole::User, "Be brief.\n\nWhy?"), answer]);
        assert_eq!(unusual[0], message(ChatRole::User, "Be brief."));
        assert_eq!(unusual.len(), 3);
    }
}
