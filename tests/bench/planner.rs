//! The duration of planning a context, and the number of messages that it reads.

use webchat_domain::{ConversationId, Message};
use webchat_tokens::{Budget, ContextPlan, ContextPlanner};

use crate::support::prose::Prose;
use crate::support::report::{BenchContext, Row};
use crate::support::samples::Samples;
use crate::support::stores::message;

/// The page size that the chat uses.
const PAGE_SIZE: usize = 50;

const BUDGET: Budget =
    Budget { window: 128_000, reply: 800, system: 0, few_shot: 0, summary: None };

pub(crate) async fn measure(bench: BenchContext) {
    let mut prose = Prose::new();
    for messages in bench.full_or_quick([100, 10_000, 100_000], [100, 1_000, 10_000]) {
        let id = ConversationId::generate();
        let stored: Vec<_> =
            (1..=messages).map(|position| message(id, position, prose.text(500))).collect();
        let mut messages_read = 0;
        let calls = bench.full_or_quick(200, 20);
        let samples = Samples::take(calls, async || messages_read = plan(&stored).1).await;
        let row = Row::new(format!("{messages} messages of 100 tokens")).times(&samples);
        bench.add(row.figure("read", f64::from(messages_read), ""));
    }
}

/// Returns the plan and the number of messages read. Each page is copied, as a store would do.
fn plan(stored: &[Message]) -> (ContextPlan, u32) {
    let (question, history) = stored.split_last().unwrap();
    let total = question.position;
    let mut planner = ContextPlanner::new(BUDGET, question.clone()).unwrap();
    let mut messages_read = 1;
    let newest_first =
        history.rchunks(PAGE_SIZE).map(<[Message]>::to_vec).flat_map(|page| page.into_iter().rev());
    for message in newest_first {
        messages_read += 1;
        if planner.try_add(message).is_break() {
            break;
        }
    }
    (planner.finish(total), messages_read)
}
