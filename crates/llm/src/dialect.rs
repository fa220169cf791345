use crate::TokensField;

/// What an upstream does not know, and how it is spoken to instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Models that think want `max_completion_tokens`, many servers know nothing but `max_tokens`.
    pub(crate) max_completion_tokens: bool,
    /// Azure knows no `stream_options` in its versions before September 2024, some servers none at
    /// all. Without them the upstream reports no usage, and answers as well.
    pub(crate) stream_options: bool,
    is_learning_tokens: bool,
}

impl Dialect {
    pub(crate) fn new(tokens: TokensField) -> Self {
        Self {
            max_completion_tokens: tokens == TokensField::MaxCompletionTokens,
            stream_options: true,
            is_learning_tokens: tokens == TokensField::Auto,
        }
    }

    /// How to speak to an upstream that refused the field `unknown`; `None` when nothing can be done.
    pub(crate) fn without(self, unknown: &str) -> Option<Self> {
        let is_tokens = unknown == self.tokens_field();
        if is_tokens && self.is_learning_tokens {
            return Some(Self { max_completion_tokens: !self.max_completion_tokens, ..self });
        }
        let is_options = unknown == "stream_options" && self.stream_options;
        is_options.then_some(Self { stream_options: false, ..self })
    }

    fn tokens_field(self) -> &'static str {
        if self.max_completion_tokens { "max_completion_tokens" } else { "max_tokens" }
    }
}
