//! When the oldest messages are folded into the summary, and how many. A fold frees half of the room at
//! least, so over a conversation there are no more of them than its tokens divided by half the room.

use crate::{Budget, with_overhead};
use webchat_domain::{Message, Role};

/// A summary has at most so many tokens; fewer where that would be more than a quarter of the room.
const LONGEST_SUMMARY: u32 = 500;

impl Budget {
    /// Whether so many tokens of messages, beside the summary, are so many that the oldest should be
    /// folded before there is need: more than three quarters of the room.
    #[must_use]
    pub fn is_tight(&self, history: u32) -> bool {
        history.saturating_add(self.summary_tokens()) > self.room() / 4 * 3
    }

    /// The tokens that a summary may have.
    #[must_use]
    pub fn longest_summary(&self) -> u32 {
        LONGEST_SUMMARY.min(self.room() / 4)
    }

    /// The tokens of messages that a fold leaves as they are: with the summary a quarter of the room.
    #[must_use]
    pub fn left_by_fold(&self) -> u32 {
        (self.room() / 4).saturating_sub(self.summary_tokens())
    }

    pub(crate) fn summary_tokens(&self) -> u32 {
        self.summary.map_or(0, |summary| summary.tokens)
    }
}

/// Finds where a fold ends, from messages that are offered newest first.
#[derive(Clone, Copy, Debug)]
pub struct Fold {
    through: u64,
    room: u32,
}

impl Fold {
    /// Looks beside the budget's summary.
    #[must_use]
    pub fn new(budget: Budget) -> Self {
        Self {
            through: budget.summary.map_or(0, |summary| summary.through),
            room: budget.left_by_fold(),
        }
    }

    /// Takes the next older message: whether it is the newest that is to be folded. `None`: none is,
    /// as the summary covers all older ones.
    pub fn ends_at(&mut self, message: &Message) -> Option<bool> {
        if message.position <= self.through {
            return None;
        }
        if message.role == Role::Assistant && message.content.is_empty() {
            return Some(false);
        }
        match self.room.checked_sub(with_overhead(message.token_count)) {
            Some(room) => {
                self.room = room;
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
    use crate::{Cover, MESSAGE_OVERHEAD, REPLY_PRIMER};

    /// A conversation as the planner sees it.
    struct Spoken {
        budget: Budget,
        /// Tokens of the messages that are not folded, with their overhead.
        history: Vec<u32>,
        folds: u64,
    }

    impl Spoken {
        fn history(&self) -> u32 {
            self.history.iter().sum()
        }

        fn fits(&self, question: u32) -> bool {
            let all = self.history() + question + self.budget.summary_tokens() + REPLY_PRIMER;
            all <= self.budget.room()
        }

        /// With a summary as long as it may be.
        fn fold(&mut self) {
            let mut left = self.budget.left_by_fold();
            let kept =
                self.history.iter().rev().take_while(|tokens| {
                    left.checked_sub(**tokens).map(|rest| left = rest).is_some()
                });
            self.history.drain(..self.history.len() - kept.count());
            let tokens = self.budget.longest_summary().saturating_sub(MESSAGE_OVERHEAD);
            self.budget.summary = Some(Cover { tokens, through: 1, messages: 1 });
            self.folds += 1;
        }
    }

    proptest! {
        /// Turn after turn, as the chat does it: before a question that would not fit, and after an
        /// answer that leaves little room.
        #[test]
        fn folds_are_rare_and_make_room_for_each_question(
            window in 2_000..20_000_u32,
            turns in proptest::collection::vec((1..400_u32, 1..400_u32), 1..400),
        ) {
            let budget = Budget { window, reply: 500, ..Budget::default() };
            let mut spoken = Spoken { budget, history: Vec::new(), folds: 0 };
            let mut tokens = 0_u64;

            for (question, answer) in turns {
                let (question, answer) = (with_overhead(question), with_overhead(answer));
                if !spoken.fits(question) {
                    spoken.fold();
                }
                prop_assert!(spoken.fits(question), "a turn had to leave something out");
                spoken.history.extend([question, answer]);
                tokens += u64::from(question + answer);
                if spoken.budget.is_tight(spoken.history()) {
                    spoken.fold();
                }
            }

            let half = u64::from(budget.room() / 2);
            prop_assert!(
                spoken.folds <= tokens / half + 1,
                "{} folds for {tokens} tokens, half a room is {half}", spoken.folds
            );
        }
    }
}
