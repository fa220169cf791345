//! How the upstream takes a request.

use super::api::Api;
use super::upstream_error::Rejection;
use crate::TokensField;

/// What the upstream accepts in a request, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Capabilities {
    limit: LimitField,
    extra: Option<Extra>,
    /// Whether the answer is streamed. Some models of OpenAI stream only for verified organisations.
    pub(super) stream: bool,
    /// Whether there may be a system message. Otherwise, the first message of the user begins with its text.
    pub(super) system_role: bool,
}

/// What is sent although an answer is possible without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extra {
    /// The `stream_options` of chat completions. Azure rejects them in its API versions before September 2024, and
    /// some servers always do. Without them, the upstream answers but reports no usage.
    StreamOptions,
    /// The wish for summaries of the reasoning, in the Responses API. Models that don't reason reject it, and OpenAI
    /// for organisations that are not verified.
    ReasoningSummary,
}

/// The field of chat completions with the maximum length of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LimitField {
    /// Whether it is `max_completion_tokens`, which reasoning models require. Many servers accept only
    /// `max_tokens`.
    is_max_completion_tokens: bool,
    /// Whether it is replaced by the other one if it is rejected.
    is_replaceable: bool,
}

impl Capabilities {
    pub(super) fn new(api: Api, tokens_field: TokensField) -> Self {
        let extra = match api {
            Api::Chat => Extra::StreamOptions,
            Api::Responses => Extra::ReasoningSummary,
        };
        Self {
            limit: LimitField {
                is_max_completion_tokens: tokens_field == TokensField::MaxCompletionTokens,
                is_replaceable: tokens_field == TokensField::Auto,
            },
            extra: Some(extra),
            stream: true,
            system_role: true,
        }
    }

    /// Returns the capabilities of an upstream that has rejected this, or `None` if the request needs it or
    /// did not contain it.
    pub(super) fn without(self, rejection: Rejection) -> Option<Self> {
        match rejection {
            Rejection::Field("stream_options") => {
                self.sends_stream_options().then_some(Self { extra: None, ..self })
            }
            Rejection::ReasoningSummary => {
                self.wants_reasoning_summary().then_some(Self { extra: None, ..self })
            }
            Rejection::Field("stream") => self.stream.then_some(Self { stream: false, ..self }),
            Rejection::Field(field) => {
                let limit = self.limit.replaced_if(field)?;
                Some(Self { limit, ..self })
            }
            Rejection::SystemRole => {
                self.system_role.then_some(Self { system_role: false, ..self })
            }
        }
    }

    pub(super) fn sends_stream_options(self) -> bool {
        self.stream && self.extra == Some(Extra::StreamOptions)
    }

    pub(super) fn wants_reasoning_summary(self) -> bool {
        self.extra == Some(Extra::ReasoningSummary)
    }

    /// Returns whether the maximum length of the answer is sent as `max_completion_tokens`, not as `max_tokens`.
    pub(super) fn max_completion_tokens(self) -> bool {
        self.limit.is_max_completion_tokens
    }
}

impl LimitField {
    /// Returns the other field if this one is rejected and may be replaced.
    fn replaced_if(self, rejected_field: &str) -> Option<Self> {
        let name =
            if self.is_max_completion_tokens { "max_completion_tokens" } else { "max_tokens" };
        (self.is_replaceable && rejected_field == name)
            .then_some(Self { is_max_completion_tokens: !self.is_max_completion_tokens, ..self })
    }
}
