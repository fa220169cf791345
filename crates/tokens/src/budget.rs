//! The token budget of a request.

use thiserror::Error;
use webchat_domain::{Context, SystemPrompt};

use crate::counter::obviously_exceeds;

/// The tokens that the chat format adds to each message: 3 delimiters and 1 for its role, according to
/// `num_tokens_from_messages` in the OpenAI cookbook, "How to count tokens with tiktoken".
pub const MESSAGE_OVERHEAD: u32 = 4;

/// The tokens that the chat format adds to each request to start the answer, according to the same function.
pub const REPLY_PRIMER: u32 = 3;

/// The maximum number of tokens of the summary's introduction.
pub(crate) const SUMMARY_INTRODUCTION: u32 = 16;

/// The message of the user that is sent before an answer whose question is not sent: many models accept only
/// messages whose roles alternate, beginning with the user.
pub const FILLER: &str = "…";

/// The tokens of the filler, including what the chat format adds.
pub const FILLER_TOKENS: u32 = MESSAGE_OVERHEAD + 1;

/// The text that introduces the summary to the model.
pub const SUMMARY_HEADING: &str = "Summary of the conversation so far:";

/// The token budget of a request. Each number includes the overhead of the chat format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// The model's context window, including the answer.
    pub window: u32,
    /// Tokens reserved for the answer.
    pub reply: u32,
    /// Tokens of the system prompt.
    pub system: u32,
    /// Tokens of the few-shot examples.
    pub few_shot: u32,
    /// The summary of the oldest messages, if any. It is sent only if it fits together with the question.
    pub summary: Option<SummaryExtent>,
}

/// The size of a summary, and the messages that it replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SummaryExtent {
    /// Tokens of the summary.
    pub tokens: u32,
    /// The position of the last message that the summary covers.
    pub through: u64,
    /// The number of messages that the summary covers.
    pub messages: u64,
}

/// The error for a message that exceeds the budget even without other messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "This message has {tokens} tokens, and the model accepts at most {limit}. Please shorten it, or \
     send it in parts."
)]
pub struct TooLong {
    /// Tokens of the message.
    pub tokens: u32,
    /// The maximum number of tokens of a message.
    pub limit: u32,
}

/// The error for a message with so many bytes that it can't fit into the budget. Its tokens are not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "This message has more than {limit} tokens, the most that the model accepts. Please shorten \
     it, or send it in parts."
)]
pub struct ObviouslyTooLong {
    /// The maximum number of tokens of a message.
    pub limit: u32,
}

impl Budget {
    /// Creates the budget of a conversation with this context. `system` is the system prompt that applies to it: its
    /// own or a default.
    #[must_use]
    pub fn for_context(
        window: u32,
        reply: u32,
        system: Option<&SystemPrompt>,
        context: &Context,
    ) -> Self {
        let examples = context.examples.iter();
        let few_shot = examples
            .flat_map(|example| [example.prompt_tokens, example.response_tokens])
            .map(with_overhead)
            .fold(0, u32::saturating_add);
        Self {
            window,
            reply,
            system: system.map_or(0, |prompt| with_overhead(prompt.token_count)),
            few_shot,
            summary: context.summary.as_ref().map(|summary| SummaryExtent {
                tokens: with_overhead(summary.token_count).saturating_add(SUMMARY_INTRODUCTION),
                through: summary.through,
                messages: summary.message_count,
            }),
        }
    }

    /// Checks that a message fits into the budget without other messages. Call it before the message is stored.
    ///
    /// # Errors
    /// [`TooLong`] if it does not fit.
    pub fn fits(&self, tokens: u32) -> Result<(), TooLong> {
        if self.has_space_for(0, tokens) {
            return Ok(());
        }
        Err(TooLong { tokens, limit: self.max_message_tokens() })
    }

    /// Checks that a message of this length may fit. Call it before its tokens are counted, which takes up to a
    /// second for the longest messages.
    ///
    /// # Errors
    /// [`ObviouslyTooLong`] if it must have too many tokens, even if all of them have the maximum length.
    pub fn may_fit(&self, bytes: usize) -> Result<(), ObviouslyTooLong> {
        let limit = self.max_message_tokens();
        if obviously_exceeds(bytes, limit) { Err(ObviouslyTooLong { limit }) } else { Ok(()) }
    }

    /// Returns the maximum number of tokens of a message.
    fn max_message_tokens(&self) -> u32 {
        self.available().saturating_sub(REPLY_PRIMER).saturating_sub(MESSAGE_OVERHEAD)
    }

    /// Returns the number of tokens that are available for messages and their summary.
    #[must_use]
    pub fn available(&self) -> u32 {
        let fixed = self.reply.saturating_add(self.system).saturating_add(self.few_shot);
        self.window.saturating_sub(fixed)
    }

    /// Returns whether a message of `tokens` tokens fits if `used` tokens are already used.
    pub(crate) fn has_space_for(&self, used: u32, tokens: u32) -> bool {
        let total = used
            .checked_add(REPLY_PRIMER)
            .and_then(|total| total.checked_add(tokens)?.checked_add(MESSAGE_OVERHEAD));
        total.is_some_and(|total| total <= self.available())
    }
}

/// Returns the number of tokens of a message with the overhead of the chat format.
#[must_use]
pub fn with_overhead(tokens: u32) -> u32 {
    tokens.saturating_add(MESSAGE_OVERHEAD)
}
