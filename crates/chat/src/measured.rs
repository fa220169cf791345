//! What operators can see of the turns, as metrics. Without a recorder they cost next to nothing.

use metrics::{counter, gauge, histogram};
use webchat_domain::FinishReason;

/// Turns that run in this process.
const RUNNING: &str = "webchat_turns_running";

/// Turns that ended, by `finish_reason`.
const ENDED: &str = "webchat_turns_total";

/// Tokens of a request by the model's own count, less those we counted: how good our count is.
const DIFFERENCE: &str = "webchat_prompt_tokens_difference";

pub(crate) fn turn_began() {
    gauge!(RUNNING).increment(1);
}

pub(crate) fn turn_ended(reason: FinishReason) {
    gauge!(RUNNING).decrement(1);
    counter!(ENDED, "finish_reason" => reason.as_str()).increment(1);
}

pub(crate) fn prompt_counted(counted: u32, reported: u32) {
    histogram!(DIFFERENCE).record(f64::from(reported) - f64::from(counted));
}
