use std::ops::ControlFlow;

use thiserror::Error;
use webchat_domain::{Context, Ledger, Message, Role, SystemPrompt};

/// What the chat format adds to each message: 3 tokens around it and 1 for its role. The rule is
/// `num_tokens_from_messages` of the OpenAI cookbook, "How to count tokens with tiktoken".
pub const MESSAGE_OVERHEAD: u32 = 4;

/// What the chat format adds to each request: 3 tokens that open the answer, by the same rule.
pub const REPLY_PRIMER: u32 = 3;

/// What the summary's introduction takes, at most.
const SUMMARY_INTRODUCTION: u32 = 16;

/// The words that introduce the summary to the model.
pub const SUMMARY_HEADING: &str = "Summary of the conversation so far:";

/// The room a request has, and what of it is taken in any case. Each part is counted with what the
/// chat format adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Tokens the model can hold, its answer included.
    pub window: u32,
    /// Tokens kept free for the answer.
    pub reply: u32,
    /// Tokens of the system prompt.
    pub system: u32,
    /// Tokens of the examples.
    pub few_shot: u32,
    /// The summary of the oldest messages, if there is one. It goes where the question leaves room.
    pub summary: Option<Cover>,
}

/// What a summary stands for, and takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cover {
    /// Tokens of the summary.
    pub tokens: u32,
    /// The position of the last message that it covers.
    pub through: u64,
    /// How many messages it covers.
    pub messages: u64,
}

/// A message that can't go to the model, not even alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "This message has {tokens} tokens, and the model takes at most {limit}. Please shorten it, or \
     send it in parts."
)]
pub struct TooLong {
    /// Tokens of the message.
    pub tokens: u32,
    /// Tokens a message may have.
    pub limit: u32,
}

/// What goes to the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The messages, oldest first.
    pub messages: Vec<Message>,
    /// Whether the summary goes before them.
    pub with_summary: bool,
    /// Their tokens, and what did not fit.
    pub ledger: Ledger,
}

/// Chooses what goes to the model: the question, and as many of the messages before it as fit, with
/// no gap between them. None is ever cut, and the store need not be read further than that.
///
/// Answers without text are passed over as if they were not there.
#[derive(Clone, Debug)]
pub struct ContextPlanner {
    budget: Budget,
    newest_first: Vec<Message>,
    history: u32,
    passed_over: u64,
    done: bool,
}

impl Budget {
    /// The room beside a conversation's context; `system` is the prompt where the conversation has
    /// none of its own.
    #[must_use]
    pub fn beside(
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
            summary: context.summary.as_ref().map(|summary| Cover {
                tokens: with_overhead(summary.token_count).saturating_add(SUMMARY_INTRODUCTION),
                through: summary.through,
                messages: summary.message_count,
            }),
        }
    }

    /// Whether a message can go to the model at all: to be asked before it is stored.
    ///
    /// # Errors
    ///
    /// When it can't, with the most that could.
    pub fn fits(&self, tokens: u32) -> Result<(), TooLong> {
        if self.takes(0, tokens) {
            return Ok(());
        }
        let limit = self.room().saturating_sub(REPLY_PRIMER).saturating_sub(MESSAGE_OVERHEAD);
        Err(TooLong { tokens, limit })
    }

    /// What can be sent of messages and their summary, in tokens.
    #[must_use]
    pub fn room(&self) -> u32 {
        let fixed = self.reply.saturating_add(self.system).saturating_add(self.few_shot);
        self.window.saturating_sub(fixed)
    }

    /// Whether one more message fits beside what has been taken.
    fn takes(&self, taken: u32, tokens: u32) -> bool {
        let taken = taken
            .checked_add(REPLY_PRIMER)
            .and_then(|taken| taken.checked_add(tokens)?.checked_add(MESSAGE_OVERHEAD));
        taken.is_some_and(|taken| taken <= self.room())
    }
}

impl ContextPlanner {
    /// Begins with the question, which goes in any case; the summary goes if it fits beside it.
    ///
    /// # Errors
    ///
    /// When the question doesn't fit even alone.
    pub fn new(budget: Budget, question: Message) -> Result<Self, TooLong> {
        budget.fits(question.token_count)?;
        let summary =
            budget.summary.filter(|summary| budget.takes(summary.tokens, question.token_count));
        Ok(Self {
            budget: Budget { summary, ..budget },
            history: with_overhead(question.token_count),
            newest_first: vec![question],
            passed_over: 0,
            done: false,
        })
    }

    /// Begins without a question: for what there is between two of them.
    #[must_use]
    pub fn between_questions(budget: Budget) -> Self {
        let summary = budget.summary.filter(|summary| budget.takes(summary.tokens, 0));
        Self {
            budget: Budget { summary, ..budget },
            history: 0,
            newest_first: Vec::new(),
            passed_over: 0,
            done: false,
        }
    }

    /// Takes the next older message. Breaks when it is covered by the summary or doesn't fit: then no
    /// older one goes either, and none need be offered.
    pub fn offer(&mut self, message: Message) -> ControlFlow<()> {
        if self.done {
            return ControlFlow::Break(());
        }
        if self.is_covered(&message) {
            self.done = true;
            return ControlFlow::Break(());
        }
        if message.role == Role::Assistant && message.content.is_empty() {
            self.passed_over += 1;
            return ControlFlow::Continue(());
        }
        let taken = self.history.saturating_add(self.budget.summary_tokens());
        if !self.budget.takes(taken, message.token_count) {
            self.done = true;
            return ControlFlow::Break(());
        }
        self.history = self.history.saturating_add(with_overhead(message.token_count));
        self.newest_first.push(message);
        ControlFlow::Continue(())
    }

    /// The plan, in a conversation of `total_messages`, the question included.
    #[must_use]
    pub fn finish(self, total_messages: u64) -> Plan {
        let Budget { window, reply, system, few_shot, summary } = self.budget;
        let history = self.history.saturating_add(REPLY_PRIMER);
        let summary_tokens = self.budget.summary_tokens();
        let sent = u64::try_from(self.newest_first.len()).unwrap_or(u64::MAX);
        let covered = summary.map_or(0, |summary| summary.messages);
        let mut messages = self.newest_first;
        messages.reverse();
        Plan {
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
                    .saturating_sub(self.passed_over)
                    .saturating_sub(covered),
            },
        }
    }

    fn is_covered(&self, message: &Message) -> bool {
        self.budget.summary.is_some_and(|summary| message.position <= summary.through)
    }
}

/// The tokens of a message with what the chat format adds.
#[must_use]
pub fn with_overhead(tokens: u32) -> u32 {
    tokens.saturating_add(MESSAGE_OVERHEAD)
}

#[cfg(test)]
mod tests;
