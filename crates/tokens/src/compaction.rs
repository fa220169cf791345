//! Decides when the oldest messages are compacted into the summary, and how many of them. Each compaction frees at
//! least half of the available tokens, in a small window three eighths, which limits the number of compactions of a
//! conversation.

use webchat_domain::Message;

use crate::budget::{Budget, with_overhead};

/// The maximum number of tokens of a summary. In a small window the limit is a quarter of the available tokens.
const MAX_SUMMARY_TOKENS: u32 = 500;

impl Budget {
    /// Returns whether the oldest messages should be compacted ahead of time: `history` tokens of messages and the
    /// summary exceed three quarters of the available tokens.
    #[must_use]
    pub fn needs_compaction(&self, history: u32) -> bool {
        history.saturating_add(self.summary_tokens()) > self.available() / 4 * 3
    }

    /// Returns the maximum number of tokens of a summary.
    #[must_use]
    pub fn max_summary_tokens(&self) -> u32 {
        MAX_SUMMARY_TOKENS.min(self.available() / 4)
    }

    /// Returns how many tokens of messages a compaction keeps: a quarter of the available tokens, less those of the
    /// longest summary, but at least an eighth. The length of the summary that it will write is unknown; if it were to
    /// count, a long one would make another request necessary for the messages that no longer fit.
    #[must_use]
    pub fn tokens_kept_by_compaction(&self) -> u32 {
        let longest_summary = self.max_summary_tokens().max(self.summary_tokens());
        (self.available() / 4).saturating_sub(longest_summary).max(self.available() / 8)
    }

    pub(crate) fn summary_tokens(&self) -> u32 {
        self.summary.map_or(0, |summary| summary.tokens)
    }
}

/// Finds the newest message to compact. Messages are passed newest first.
#[derive(Clone, Copy, Debug)]
pub struct CompactionScan {
    through: u64,
    available: u32,
}

impl CompactionScan {
    /// Creates a scan of the messages after the summary of `budget`.
    #[must_use]
    pub fn new(budget: Budget) -> Self {
        Self {
            through: budget.summary.map_or(0, |summary| summary.through),
            available: budget.tokens_kept_by_compaction(),
        }
    }

    /// Returns whether the next older message is the newest one to compact. Returns `None` if there is no message
    /// to compact, because the summary covers all older messages.
    pub fn is_boundary(&mut self, message: &Message) -> Option<bool> {
        if message.position <= self.through {
            return None;
        }
        if message.is_blank_answer() {
            return Some(false);
        }
        match self.available.checked_sub(with_overhead(message.token_count)) {
            Some(available) => {
                self.available = available;
                Some(false)
            }
            None => Some(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::budget::{MESSAGE_OVERHEAD, REPLY_PRIMER, SummaryExtent};

    /// The parts of a conversation that matter to compaction.
    struct Conversation {
        budget: Budget,
        /// The tokens of each message that is not compacted, with its overhead.
        history: Vec<u32>,
        compactions: u64,
    }

    impl Conversation {
        fn history(&self) -> u32 {
            self.history.iter().sum()
        }

        fn fits(&self, question: u32) -> bool {
            let total = self.history() + question + self.budget.summary_tokens() + REPLY_PRIMER;
            total <= self.budget.available()
        }

        /// Compacts with a summary of the maximum length.
        fn compact(&mut self) {
            let mut available = self.budget.tokens_kept_by_compaction();
            let kept = self.history.iter().rev().take_while(|tokens| {
                available.checked_sub(**tokens).map(|remaining| available = remaining).is_some()
            });
            self.history.drain(..self.history.len() - kept.count());
            let tokens = self.budget.max_summary_tokens().saturating_sub(MESSAGE_OVERHEAD);
            self.budget.summary = Some(SummaryExtent { tokens, through: 1, messages: 1 });
            self.compactions += 1;
        }
    }

    proptest! {
        /// Compacts when the chat does: before a question that would not fit, and after an answer that leaves few
        /// tokens available.
        #[test]
        fn compactions_are_rare_and_every_question_fits(
            window in 2_000..20_000_u32,
            turns in proptest::collection::vec((1..400_u32, 1..400_u32), 1..400),
        ) {
            let budget = Budget { window, reply: 500, ..Budget::default() };
            let mut conversation = Conversation { budget, history: Vec::new(), compactions: 0 };
            let mut tokens = 0_u64;

            for (question, answer) in turns {
                let (question, answer) = (with_overhead(question), with_overhead(answer));
                if !conversation.fits(question) {
                    conversation.compact();
                }
                prop_assert!(conversation.fits(question), "the question does not fit after a compaction");
                conversation.history.extend([question, answer]);
                tokens += u64::from(question + answer);
                if conversation.budget.needs_compaction(conversation.history()) {
                    conversation.compact();
                }
            }

            let left = budget.tokens_kept_by_compaction() + budget.max_summary_tokens();
            let freed = u64::from(budget.available() / 4 * 3 - left);
            prop_assert!(freed >= u64::from(budget.available() / 3));
            prop_assert!(
                conversation.compactions <= tokens / freed + 1,
                "{} compactions for {tokens} tokens, but each must free {freed}", conversation.compactions
            );
        }
    }
}
