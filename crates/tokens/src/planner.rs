use std::ops::ControlFlow;

use thiserror::Error;
use webchat_domain::{Ledger, Message, Role};

/// What the chat format adds to each message: 3 tokens around it and 1 for its role. The rule is
/// `num_tokens_from_messages` of the OpenAI cookbook, "How to count tokens with tiktoken".
pub const MESSAGE_OVERHEAD: u32 = 4;

/// What the chat format adds to each request: 3 tokens that open the answer, by the same rule.
pub const REPLY_PRIMER: u32 = 3;

/// The room a request has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Tokens the model can hold, its answer included.
    pub window: u32,
    /// Tokens kept free for the answer.
    pub reply: u32,
    /// Tokens of the system prompt, if there is one.
    pub system: Option<u32>,
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
    full: bool,
}

impl Budget {
    /// Whether a message can go to the model at all: to be asked before it is stored.
    ///
    /// # Errors
    ///
    /// When it can't, with the most that could.
    pub fn fits(&self, tokens: u32) -> Result<(), TooLong> {
        if self.takes(self.fixed(), tokens) {
            return Ok(());
        }
        let limit = self.limit().saturating_sub(self.fixed()).saturating_sub(MESSAGE_OVERHEAD);
        Err(TooLong { tokens, limit })
    }

    /// The most that can be sent.
    fn limit(&self) -> u32 {
        self.window.saturating_sub(self.reply)
    }

    /// What is sent in any case, whatever is said.
    fn fixed(&self) -> u32 {
        self.system.map_or(0, with_overhead).saturating_add(REPLY_PRIMER)
    }

    fn takes(&self, history: u32, tokens: u32) -> bool {
        history.checked_add(with_overhead(tokens)).is_some_and(|history| history <= self.limit())
    }
}

impl ContextPlanner {
    /// Begins with the question, which goes in any case.
    ///
    /// # Errors
    ///
    /// When it doesn't fit even alone.
    pub fn new(budget: Budget, question: Message) -> Result<Self, TooLong> {
        budget.fits(question.token_count)?;
        Ok(Self {
            budget,
            history: budget.fixed().saturating_add(with_overhead(question.token_count)),
            newest_first: vec![question],
            passed_over: 0,
            full: false,
        })
    }

    /// Takes the next older message. Breaks when it doesn't fit: then no older one goes either, and
    /// none need be offered.
    pub fn offer(&mut self, message: Message) -> ControlFlow<()> {
        if self.full {
            return ControlFlow::Break(());
        }
        if message.role == Role::Assistant && message.content.is_empty() {
            self.passed_over += 1;
            return ControlFlow::Continue(());
        }
        if !self.budget.takes(self.history, message.token_count) {
            self.full = true;
            return ControlFlow::Break(());
        }
        self.history = self.history.saturating_add(with_overhead(message.token_count));
        self.newest_first.push(message);
        ControlFlow::Continue(())
    }

    /// The plan, in a conversation of `total_messages`, the question included.
    #[must_use]
    pub fn finish(self, total_messages: u64) -> Plan {
        let Budget { window, reply, .. } = self.budget;
        let sent = u64::try_from(self.newest_first.len()).unwrap_or(u64::MAX);
        let mut messages = self.newest_first;
        messages.reverse();
        Plan {
            messages,
            ledger: Ledger {
                window,
                reserved: reply,
                history: self.history,
                total: reply.saturating_add(self.history),
                left_out_messages: total_messages
                    .saturating_sub(sent)
                    .saturating_sub(self.passed_over),
            },
        }
    }
}

fn with_overhead(tokens: u32) -> u32 {
    tokens.saturating_add(MESSAGE_OVERHEAD)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use webchat_domain::{ConversationId, MessageId, MessageStatus, Timestamp};

    use super::*;

    const BUDGET: Budget = Budget { window: 100, reply: 20, system: None };

    fn message(position: u64, role: Role, token_count: u32) -> Message {
        Message {
            message_id: MessageId::generate(),
            conversation_id: ConversationId::generate(),
            position,
            parent_id: None,
            turn_id: None,
            role,
            content: "x".repeat(token_count.min(1).try_into().unwrap()),
            token_count,
            status: MessageStatus::Complete,
            created_at: Timestamp::from_unix_millis(0),
        }
    }

    fn positions(plan: &Plan) -> Vec<u64> {
        plan.messages.iter().map(|message| message.position).collect()
    }

    #[test]
    fn a_short_conversation_goes_whole() {
        let budget = Budget { system: Some(6), ..BUDGET };
        let mut planner = ContextPlanner::new(budget, message(3, Role::User, 10)).unwrap();

        let answer = planner.offer(message(2, Role::Assistant, 20));
        let question = planner.offer(message(1, Role::User, 5));
        let plan = planner.finish(3);

        assert!(answer.is_continue() && question.is_continue());
        assert_eq!(positions(&plan), [1, 2, 3]);
        assert_eq!(
            plan.ledger,
            Ledger {
                window: 100,
                reserved: 20,
                history: 3 + (4 + 6) + (4 + 5) + (4 + 20) + (4 + 10),
                total: 80,
                left_out_messages: 0,
            }
        );
    }

    #[test]
    fn a_message_that_does_not_fit_keeps_older_ones_out_too() {
        let mut planner = ContextPlanner::new(BUDGET, message(3, Role::User, 40)).unwrap();

        let too_large = planner.offer(message(2, Role::Assistant, 30));
        let small = planner.offer(message(1, Role::User, 1));
        let plan = planner.finish(3);

        assert!(too_large.is_break() && small.is_break());
        assert_eq!(positions(&plan), [3]);
        assert_eq!(plan.ledger.left_out_messages, 2);
    }

    #[test]
    fn an_answer_without_text_is_as_if_not_there() {
        let mut planner = ContextPlanner::new(BUDGET, message(3, Role::User, 10)).unwrap();

        let empty = planner.offer(message(2, Role::Assistant, 0));
        let older = planner.offer(message(1, Role::User, 10));
        let plan = planner.finish(3);

        assert!(empty.is_continue() && older.is_continue());
        assert_eq!(positions(&plan), [1, 3]);
        assert_eq!(plan.ledger.history, 3 + 14 + 14);
        assert_eq!(plan.ledger.left_out_messages, 0);
    }

    #[test]
    fn a_question_fits_up_to_the_last_token() {
        let limit = 100 - 20 - 3 - 4;

        assert_eq!(BUDGET.fits(limit), Ok(()));
        assert_eq!(BUDGET.fits(limit + 1), Err(TooLong { tokens: limit + 1, limit }));
    }

    #[test]
    fn nothing_fits_where_there_is_no_room_at_all() {
        let budget = Budget { window: 10, reply: 20, system: None };

        assert_eq!(budget.fits(0), Err(TooLong { tokens: 0, limit: 0 }));
    }

    fn budgets() -> impl Strategy<Value = Budget> {
        (0..400_u32, 0..100_u32, proptest::option::of(0..50_u32))
            .prop_map(|(window, reply, system)| Budget { window, reply, system })
    }

    /// Newest first, as the store hands them out: the question is the first.
    fn conversations() -> impl Strategy<Value = Vec<Message>> {
        proptest::collection::vec((any::<bool>(), 0..60_u32), 1..30).prop_map(|said| {
            let total = u64::try_from(said.len()).unwrap();
            (1..=total)
                .rev()
                .zip(said)
                .map(|(position, (by_user, tokens))| {
                    let by_user = by_user || position == total;
                    let role = if by_user { Role::User } else { Role::Assistant };
                    message(position, role, tokens)
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn a_plan_is_the_newest_messages_that_fit(
            budget in budgets(),
            newest_first in conversations(),
        ) {
            let total = u64::try_from(newest_first.len()).unwrap();
            let question = newest_first[0].clone();
            let Ok(mut planner) = ContextPlanner::new(budget, question.clone()) else {
                prop_assert!(budget.fits(question.token_count).is_err());
                return Ok(());
            };
            for message in &newest_first[1..] {
                let _ = planner.offer(message.clone());
            }
            let plan = planner.finish(total);

            let sent: u32 = plan.messages.iter().map(|m| m.token_count + MESSAGE_OVERHEAD).sum();
            let system = budget.system.map_or(0, |tokens| tokens + MESSAGE_OVERHEAD);
            prop_assert_eq!(plan.ledger.history, sent + system + REPLY_PRIMER);
            prop_assert_eq!(plan.ledger.total, plan.ledger.history + budget.reply);
            prop_assert!(plan.ledger.total <= budget.window);

            prop_assert_eq!(plan.messages.last(), Some(&question));
            let oldest = plan.messages[0].position;
            let with_text = |m: &&Message| m.role == Role::User || !m.content.is_empty();
            let newest_run: Vec<_> = newest_first
                .iter()
                .rev()
                .filter(|m| m.position >= oldest)
                .filter(with_text)
                .cloned()
                .collect();
            prop_assert_eq!(&plan.messages, &newest_run);

            let next = newest_first.iter().filter(|m| m.position < oldest).find(with_text);
            if let Some(next) = next {
                let more = plan.ledger.total + next.token_count + MESSAGE_OVERHEAD;
                prop_assert!(more > budget.window, "one more would have fitted");
            }
            let empty = newest_first
                .iter()
                .filter(|m| next.is_none_or(|next| m.position > next.position) && !with_text(m))
                .count();
            prop_assert_eq!(
                plan.ledger.left_out_messages,
                total - u64::try_from(plan.messages.len() + empty).unwrap()
            );
        }
    }
}
