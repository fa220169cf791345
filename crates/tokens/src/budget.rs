//! The tokens that a request may use, and those that are taken in any case.

use thiserror::Error;
use webchat_domain::{Context, SystemPrompt};

use crate::counter::certainly_exceeds;

/// The tokens that the chat format adds to each message: 3 around it and 1 for its role. The rule is
/// `num_tokens_from_messages` of the OpenAI cookbook, "How to count tokens with tiktoken".
pub const MESSAGE_OVERHEAD: u32 = 4;

/// The tokens that the chat format adds to each request: 3 that start the answer, by the same rule.
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

/// The token budget of a request. Each number includes what the chat format adds.
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
    /// The summary of the oldest messages, if any. It is sent only if it fits beside the question.
    pub summary: Option<SummaryExtent>,
}

/// The size of a summary, and the messages that it replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SummaryExtent {
    /// Tokens of the summary.
    pub tokens: u32,
    /// The position of the last message that it covers.
    pub through: u64,
    /// How many messages it covers.
    pub messages: u64,
}

/// A message that does not fit into the budget, not even alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "This message has {tokens} tokens, and the model takes at most {limit}. Please shorten it, or \
     send it in parts."
)]
pub struct TooLong {
    /// Tokens of the message.
    pub tokens: u32,
    /// The maximum number of tokens of a message.
    pub limit: u32,
}

/// A message that has so many bytes that it can't fit into the budget. Its tokens are not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "This message has more than {limit} tokens, which is the most that the model takes. Please shorten \
     it, or send it in parts."
)]
pub struct CertainlyTooLong {
    /// The maximum number of tokens of a message.
    pub limit: u32,
}

impl Budget {
    /// The budget of a conversation with this context. `system` is the default system prompt, for
    /// conversations that do not have one.
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
        let system = context.system_prompt.as_ref().or(system);
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

    /// Checks that a message fits at all. To be called before the message is stored.
    ///
    /// # Errors
    ///
    /// When it does not fit, with the limit.
    pub fn fits(&self, tokens: u32) -> Result<(), TooLong> {
        if self.has_space_for(0, tokens) {
            return Ok(());
        }
        Err(TooLong { tokens, limit: self.max_message_tokens() })
    }

    /// Checks that a message of this length may fit, without counting its tokens, which takes up to a
    /// second for the longest messages. To be called before they are counted.
    ///
    /// # Errors
    ///
    /// When it has too many tokens, however long they are, with the limit.
    pub fn may_fit(&self, bytes: usize) -> Result<(), CertainlyTooLong> {
        let limit = self.max_message_tokens();
        if certainly_exceeds(bytes, limit) { Err(CertainlyTooLong { limit }) } else { Ok(()) }
    }

    /// The maximum number of tokens of a message.
    fn max_message_tokens(&self) -> u32 {
        self.available().saturating_sub(REPLY_PRIMER).saturating_sub(MESSAGE_OVERHEAD)
    }

    /// The tokens that are available for messages and their summary.
    #[must_use]
    pub fn available(&self) -> u32 {
        let fixed = self.reply.saturating_add(self.system).saturating_add(self.few_shot);
        self.window.saturating_sub(fixed)
    }

    /// Whether a message of `tokens` tokens fits after `taken` tokens.
    pub(crate) fn has_space_for(&self, taken: u32, tokens: u32) -> bool {
        let taken = taken
            .checked_add(REPLY_PRIMER)
            .and_then(|taken| taken.checked_add(tokens)?.checked_add(MESSAGE_OVERHEAD));
        taken.is_some_and(|taken| taken <= self.available())
    }
}

/// The tokens of a message, including what the chat format adds.
#[must_use]
pub fn with_overhead(tokens: u32) -> u32 {
    tokens.saturating_add(MESSAGE_OVERHEAD)
}
