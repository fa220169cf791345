//! Which optional fields the upstream accepts.

use crate::TokensField;

/// The optional fields that the upstream accepts, as far as they are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Capabilities {
    /// Whether the limit is sent as `max_completion_tokens`, which reasoning models require. Many
    /// servers accept only `max_tokens`.
    pub(super) max_completion_tokens: bool,
    /// Whether `stream_options` are sent. Azure rejects them in its API versions before September
    /// 2024, and some servers always do. Without them, the upstream answers but reports no usage.
    pub(super) stream_options: bool,
    /// Whether a rejected tokens field is replaced by the other one.
    detects_tokens_field: bool,
}

impl Capabilities {
    pub(super) fn new(tokens_field: TokensField) -> Self {
        Self {
            max_completion_tokens: tokens_field == TokensField::MaxCompletionTokens,
            stream_options: true,
            detects_tokens_field: tokens_field == TokensField::Auto,
        }
    }

    /// Returns the capabilities of an upstream that has rejected this field, or `None` if the request
    /// needs the field.
    pub(super) fn without(self, rejected_field: &str) -> Option<Self> {
        if rejected_field == self.tokens_field() && self.detects_tokens_field {
            return Some(Self { max_completion_tokens: !self.max_completion_tokens, ..self });
        }
        let is_stream_options = rejected_field == "stream_options" && self.stream_options;
        is_stream_options.then_some(Self { stream_options: false, ..self })
    }

    fn tokens_field(self) -> &'static str {
        if self.max_completion_tokens { "max_completion_tokens" } else { "max_tokens" }
    }
}
