//! Metrics of turns. They cost almost nothing if no recorder is installed.

use metrics::{counter, gauge, histogram};
use webchat_domain::FinishReason;

/// The number of turns that run in this process.
const RUNNING: &str = "webchat_turns_running";

/// The number of turns that ended, by `finish_reason`.
const ENDED: &str = "webchat_turns_total";

/// The number of prompt tokens that the model reports, minus our own count: shows how accurate ours is.
const PROMPT_TOKENS_DIFFERENCE: &str = "webchat_prompt_tokens_difference";

pub(super) fn turn_started() {
    gauge!(RUNNING).increment(1);
}

pub(super) fn turn_ended(reason: FinishReason) {
    gauge!(RUNNING).decrement(1);
    counter!(ENDED, "finish_reason" => reason.as_str()).increment(1);
}

pub(super) fn record_prompt_tokens(our_count: u32, reported_count: u32) {
    let difference = f64::from(reported_count) - f64::from(our_count);
    histogram!(PROMPT_TOKENS_DIFFERENCE).record(difference);
}
