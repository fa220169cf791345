//! Which optional fields the upstream accepts.

use crate::TokensField;

/// The optional fields that the upstream accepts, as far as they are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Capabilities {
    /// Whether the limit is sent as `max_completion_tokens`, which reasoning models require. Many
    /// servers accept only `max_tokens`.
    pub(super) max_completion_tokens: bool,
    /// Whether `stream_options` are sent. Azure rejects them in its API versions before September
    /// 2024, and some servers always do. Without them the upstream reports no usage, but answers.
    pub(super) stream_options: bool,
    detects_tokens_field: bool,
}

impl Capabilities {
    pub(super) fn new(tokens: TokensField) -> Self {
        Self {
            max_completion_tokens: tokens == TokensField::MaxCompletionTokens,
            stream_options: true,
            detects_tokens_field: tokens == TokensField::Auto,
        }
    }

    /// The capabilities of an upstream that rejected the field `unknown`; `None` if the request can't
    /// do without it.
    pub(super) fn without(self, unknown: &str) -> Option<Self> {
        let is_tokens = unknown == self.tokens_field();
        if is_tokens && self.detects_tokens_field {
            return Some(Self { max_completion_tokens: !self.max_completion_tokens, ..self });
        }
        let is_options = unknown == "stream_options" && self.stream_options;
        is_options.then_some(Self { stream_options: false, ..self })
    }

    fn tokens_field(self) -> &'static str {
        if self.max_completion_tokens { "max_completion_tokens" } else { "max_tokens" }
    }
}
