//! Tests of the planner.

use proptest::prelude::*;

use super::*;
use crate::budget::{
    FILLER, ObviouslyTooLong, SUMMARY_HEADING, SUMMARY_INTRODUCTION, SummaryExtent,
};

const BUDGET: Budget = Budget { window: 100, reply: 20, system: 0, few_shot: 0, summary: None };

fn message(position: u64, role: Role, token_count: u32) -> Message {
    Message {
        position,
        role,
        content: "x".repeat(token_count.min(1).try_into().unwrap()),
        token_count,
        ..Message::fixture()
    }
}

fn positions(plan: &ContextPlan) -> Vec<u64> {
    plan.messages.iter().map(|message| message.position).collect()
}

#[test]
fn a_short_conversation_is_sent_completely() {
    let budget = Budget { system: 10, ..BUDGET };
    let mut planner = ContextPlanner::new(budget, message(3, Role::User, 10)).unwrap();

    let answer = planner.try_add(message(2, Role::Assistant, 20));
    let question = planner.try_add(message(1, Role::User, 5));
    let plan = planner.finish(3);

    assert!(answer.is_continue() && question.is_continue());
    assert_eq!(positions(&plan), [1, 2, 3]);
    assert_eq!(
        plan.ledger,
        Ledger {
            window: 100,
            reserved: 20,
            system: 10,
            history: 3 + (4 + 5) + (4 + 20) + (4 + 10),
            total: 80,
            ..Ledger::default()
        }
    );
}

#[test]
fn a_message_that_does_not_fit_excludes_older_ones_too() {
    let mut planner = ContextPlanner::new(BUDGET, message(3, Role::User, 40)).unwrap();

    let too_large = planner.try_add(message(2, Role::Assistant, 30));
    let small = planner.try_add(message(1, Role::User, 1));
    let plan = planner.finish(3);

    assert!(too_large.is_break() && small.is_break());
    assert_eq!(positions(&plan), [3]);
    assert_eq!(plan.ledger.left_out_messages, 2);
}

#[test]
fn an_answer_without_text_is_skipped() {
    let mut planner = ContextPlanner::new(BUDGET, message(3, Role::User, 10)).unwrap();

    let empty = planner.try_add(message(2, Role::Assistant, 0));
    let older = planner.try_add(message(1, Role::User, 10));
    let plan = planner.finish(3);

    assert!(empty.is_continue() && older.is_continue());
    assert_eq!(positions(&plan), [1, 3]);
    assert_eq!(plan.ledger.history, 3 + 14 + 14);
    assert_eq!(plan.ledger.left_out_messages, 0);
}

#[test]
fn a_question_fits_up_to_the_limit() {
    let limit = 100 - 20 - 3 - 4;

    assert_eq!(BUDGET.fits(limit), Ok(()));
    assert_eq!(BUDGET.fits(limit + 1), Err(TooLong { tokens: limit + 1, limit }));
    let bytes = 128 * usize::try_from(limit).unwrap();
    assert_eq!(BUDGET.may_fit(bytes), Ok(()));
    assert_eq!(BUDGET.may_fit(bytes + 1), Err(ObviouslyTooLong { limit }));
}

#[test]
fn nothing_fits_into_a_budget_without_available_tokens() {
    let budget = Budget { window: 10, ..BUDGET };

    assert_eq!(budget.fits(0), Err(TooLong { tokens: 0, limit: 0 }));
}

#[test]
fn messages_that_the_summary_covers_are_not_sent() {
    let summary = Some(SummaryExtent { tokens: 30, through: 2, messages: 2 });
    let mut planner =
        ContextPlanner::new(Budget { summary, ..BUDGET }, message(4, Role::User, 5)).unwrap();

    let uncovered = planner.try_add(message(3, Role::User, 1));
    let covered = planner.try_add(message(2, Role::Assistant, 1));
    let plan = planner.finish(4);

    assert!(uncovered.is_continue() && covered.is_break());
    assert_eq!(positions(&plan), [3, 4]);
    assert!(plan.with_summary);
    let Ledger { summary, summary_through, left_out_messages, total, .. } = plan.ledger;
    assert_eq!((summary, summary_through, left_out_messages), (30, 2, 0));
    assert_eq!(total, 20 + 30 + 3 + (4 + 1) + (4 + 5));
}

#[test]
fn a_summary_that_does_not_fit_together_with_the_question_is_not_sent() {
    let summary = Some(SummaryExtent { tokens: 30, through: 2, messages: 2 });

    let planner =
        ContextPlanner::new(Budget { summary, ..BUDGET }, message(3, Role::User, 50)).unwrap();
    let plan = planner.finish(3);

    assert!(!plan.with_summary);
    assert_eq!((plan.ledger.summary, plan.ledger.left_out_messages), (0, 2));
}

#[test]
fn the_introduction_of_the_summary_does_not_exceed_its_limit() {
    let counter = crate::TokenCounter::default();

    assert!(counter.count(&format!("\n\n{SUMMARY_HEADING}\n")) + 2 <= SUMMARY_INTRODUCTION);
}

#[test]
fn there_is_space_for_a_filler_before_an_answer_without_its_question() {
    let plan = |question_tokens| {
        let question = message(3, Role::User, question_tokens);
        let mut planner = ContextPlanner::new(BUDGET, question).unwrap();
        let _ = planner.try_add(message(2, Role::Assistant, 20));
        let _ = planner.try_add(message(1, Role::User, 60));
        planner.finish(3)
    };

    let (fits, too_large) = (plan(44), plan(45));

    assert_eq!(positions(&fits), [2, 3]);
    assert_eq!((fits.ledger.history, fits.ledger.total), (3 + 5 + 24 + 48, 100));
    assert_eq!(positions(&too_large), [3]);
    assert_eq!(crate::TokenCounter::default().count(FILLER), FILLER_TOKENS - 4);
}

fn budgets() -> impl Strategy<Value = Budget> {
    let summary = (0..100_u32, 0..30_u64).prop_map(|(tokens, through)| SummaryExtent {
        tokens,
        through,
        messages: through,
    });
    (0..400_u32, 0..100_u32, 0..50_u32, 0..50_u32, proptest::option::of(summary)).prop_map(
        |(window, reply, system, few_shot, summary)| Budget {
            window,
            reply,
            system,
            few_shot,
            summary,
        },
    )
}

/// Generates messages, newest first, as the store returns them. The first one is the question.
fn conversations() -> impl Strategy<Value = Vec<Message>> {
    proptest::collection::vec((any::<bool>(), 0..60_u32), 1..30).prop_map(|entries| {
        let total = u64::try_from(entries.len()).unwrap();
        (1..=total)
            .rev()
            .zip(entries)
            .map(|(position, (by_user, tokens))| {
                let by_user = by_user || position == total;
                let role = if by_user { Role::User } else { Role::Assistant };
                message(position, role, tokens)
            })
            .collect()
    })
}

fn has_text(message: &Message) -> bool {
    message.role == Role::User || !message.content.is_empty()
}

proptest! {
    #[test]
    fn every_message_is_sent_or_summarised_or_counted_as_omitted(
        budget in budgets(),
        newest_first in conversations(),
    ) {
        let total = u64::try_from(newest_first.len()).unwrap();
        let question = newest_first[0].clone();
        // A summary covers only messages before the question.
        let budget = Budget {
            summary: budget.summary.filter(|summary| summary.through < question.position),
            ..budget
        };
        let Ok(mut planner) = ContextPlanner::new(budget, question.clone()) else {
            prop_assert!(budget.fits(question.token_count).is_err());
            return Ok(());
        };
        for message in &newest_first[1..] {
            let _ = planner.try_add(message.clone());
        }
        let plan = planner.finish(total);

        let sent: u32 = plan.messages.iter().map(|m| with_overhead(m.token_count)).sum();
        let covered = budget.summary.filter(|_| plan.with_summary);
        let Ledger { window, reserved, system, few_shot, summary, history, .. } = plan.ledger;
        let filler = plan.messages.first().map_or(0, filler_tokens);
        prop_assert_eq!(history, sent + filler + REPLY_PRIMER);
        prop_assert_eq!(summary, covered.map_or(0, |summary| summary.tokens));
        prop_assert_eq!(plan.ledger.total, reserved + system + few_shot + summary + history);
        prop_assert!(plan.ledger.total <= window);

        prop_assert_eq!(plan.messages.last(), Some(&question));
        let oldest = plan.messages[0].position;
        let through = covered.map_or(0, |summary| summary.through);
        let newest_run: Vec<_> = newest_first
            .iter()
            .rev()
            .filter(|m| m.position >= oldest && has_text(m))
            .cloned()
            .collect();
        prop_assert_eq!(&plan.messages, &newest_run);
        prop_assert!(oldest > through);

        let next = newest_first
            .iter()
            .find(|m| m.position < oldest && m.position > through && has_text(m));
        if let Some(next) = next {
            let more = plan.ledger.total - filler
                + filler_tokens(next)
                + with_overhead(next.token_count);
            prop_assert!(more > window, "a message that fits was omitted");
        }
        let read_to = next.map_or(through, |next| next.position);
        let empty = newest_first.iter().filter(|m| m.position > read_to && !has_text(m)).count();
        let accounted = u64::try_from(plan.messages.len() + empty).unwrap() + through;
        prop_assert_eq!(plan.ledger.left_out_messages, total.saturating_sub(accounted));
    }
}
