//! Chooses the messages that are sent to the model.

use std::ops::ControlFlow;

use webchat_domain::{Ledger, Message, Role};

use crate::budget::{Budget, FILLER_TOKENS, REPLY_PRIMER, TooLong, with_overhead};

/// The messages that are sent to the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextPlan {
    /// The messages, oldest first.
    pub messages: Vec<Message>,
    /// Whether the summary is sent before the messages.
    pub with_summary: bool,
    /// The used tokens, and the number of messages that did not fit.
    pub ledger: Ledger,
}

/// Chooses the messages that are sent to the model: the question, and as many of the preceding messages as fit,
/// without gaps. Messages are never shortened.
///
/// Answers without text are skipped. If the oldest message is an answer, there is space for a filler before
/// it.
#[derive(Clone, Debug)]
pub struct ContextPlanner {
    budget: Budget,
    newest_first: Vec<Message>,
    history: u32,
    skipped: u64,
    done: bool,
}

impl ContextPlanner {
    /// Starts with the question, or with an answer to continue, which is always sent. The summary is sent if it fits
    /// together with it.
    ///
    /// # Errors
    /// [`TooLong`] if the question exceeds the budget even without other messages.
    pub fn new(budget: Budget, question: Message) -> Result<Self, TooLong> {
        budget.fits(question.token_count.saturating_add(filler_tokens(&question)))?;
        let summary = budget
            .summary
            .filter(|summary| budget.has_space_for(summary.tokens, question.token_count));
        Ok(Self {
            budget: Budget { summary, ..budget },
            history: with_overhead(question.token_count),
            newest_first: vec![question],
            skipped: 0,
            done: false,
        })
    }

    /// Starts without a question, to plan the context between two turns.
    #[must_use]
    pub fn without_question(budget: Budget) -> Self {
        let summary = budget.summary.filter(|summary| budget.has_space_for(summary.tokens, 0));
        Self {
            budget: Budget { summary, ..budget },
            history: 0,
            newest_first: Vec::new(),
            skipped: 0,
            done: false,
        }
    }

    /// Adds the next older message. Returns `Break` if the summary covers the message or if it does not fit: then
    /// no older message is sent either.
    pub fn try_add(&mut self, message: Message) -> ControlFlow<()> {
        if self.done {
            return ControlFlow::Break(());
        }
        if self.is_covered(&message) {
            self.done = true;
            return ControlFlow::Break(());
        }
        if message.is_blank_answer() {
            self.skipped += 1;
            return ControlFlow::Continue(());
        }
        let used = self.history.saturating_add(self.budget.summary_tokens());
        let used = used.saturating_add(filler_tokens(&message));
        if !self.budget.has_space_for(used, message.token_count) {
            self.done = true;
            return ControlFlow::Break(());
        }
        self.history = self.history.saturating_add(with_overhead(message.token_count));
        self.newest_first.push(message);
        ControlFlow::Continue(())
    }

    /// Returns the plan for a conversation of `total_messages` messages, including the question.
    #[must_use]
    pub fn finish(self, total_messages: u64) -> ContextPlan {
        let Budget { window, reply, system, few_shot, summary } = self.budget;
        let filler = self.newest_first.last().map_or(0, filler_tokens);
        let history = self.history.saturating_add(filler).saturating_add(REPLY_PRIMER);
        let summary_tokens = self.budget.summary_tokens();
        let sent = u64::try_from(self.newest_first.len()).unwrap_or(u64::MAX);
        let covered = summary.map_or(0, |summary| summary.messages);
        let mut messages = self.newest_first;
        messages.reverse();
        ContextPlan {
            messages,
            with_summary: summary.is_some(),
            ledger: Ledger {
                window,
                reserved: reply,
                system,
                few_shot,
                summary: summary_tokens,
                summary_through: summary.map_or(0, |summary| summary.through),
                history,
                total: [reply, system, few_shot, summary_tokens, history]
                    .into_iter()
                    .fold(0, u32::saturating_add),
                left_out_messages: total_messages
                    .saturating_sub(sent)
                    .saturating_sub(self.skipped)
                    .saturating_sub(covered),
            },
        }
    }

    fn is_covered(&self, message: &Message) -> bool {
        self.budget.summary.is_some_and(|summary| message.position <= summary.through)
    }
}

/// Returns the tokens of the filler before the oldest message.
fn filler_tokens(oldest: &Message) -> u32 {
    if oldest.role == Role::Assistant { FILLER_TOKENS } else { 0 }
}

#[cfg(test)]
mod tests;
