//! The metrics of the use cases, which `docs/metrics.md` describes. They have almost no cost if no recorder is
//! installed.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use strum::{IntoEnumIterator, VariantNames};
use tokio::time::Instant;
use webchat_domain::FinishReason;
use webchat_persistence::GaugeGuard;

use crate::models::{filter_metrics, request_metrics};
use crate::runtime::reached_limits::{Limit, REACHED};

const TURNS: &str = "webchat_turns_total";
const TURN_FAILURES: &str = "webchat_turn_failures_total";
const TURNS_RECOVERED: &str = "webchat_turns_recovered_total";
const PROMPT_TOKENS_DIFFERENCE: &str = "webchat_prompt_tokens_difference";
const USERS_ERASED: &str = "webchat_users_erased_total";
const EVENT_PUBLISH_RETRIES: &str = "webchat_event_publish_retries_total";

/// Describes the metrics of this crate to the recorder, and starts their series at 0, so that a first event counts as
/// an increase. Call it once, after the recorder is installed.
pub fn describe_metrics() {
    for timing in Timing::iter() {
        let (name, description) = timing.describe();
        describe_histogram!(name, Unit::Seconds, description);
        let _ = histogram!(name);
    }
    for gauge in Gauge::iter() {
        let (name, description) = gauge.describe();
        describe_gauge!(name, description);
        gauge!(name).set(0.0);
    }
    describe_counter!(TURNS, "Turns that ended, by the reason why the answer ended");
    for reason in FinishReason::ALL {
        counter!(TURNS, "finish_reason" => reason.as_str()).increment(0);
    }
    describe_counter!(TURN_FAILURES, "Turns that failed or were cut off, by error code");
    for code in ["internal", "model_failed", "model_unreachable"] {
        counter!(TURN_FAILURES, "code" => code).increment(0);
    }
    describe_counter!(TURNS_RECOVERED, "Abandoned turns that this instance ended");
    describe_counter!(EVENT_PUBLISH_RETRIES, "Failed attempts to publish an event");
    describe_counter!(USERS_ERASED, "Users whom this instance has erased");
    for name in [TURNS_RECOVERED, EVENT_PUBLISH_RETRIES, USERS_ERASED] {
        counter!(name).increment(0);
    }
    describe_histogram!(
        PROMPT_TOKENS_DIFFERENCE,
        "The prompt tokens that the model reports, minus our own count"
    );
    let _ = histogram!(PROMPT_TOKENS_DIFFERENCE);
    describe_counter!(REACHED, "Refused work, by the limit that was reached");
    for limit in Limit::VARIANTS {
        counter!(REACHED, "limit" => *limit).increment(0);
    }
    filter_metrics::describe();
    request_metrics::describe();
}

/// Counts a user whom this instance has erased.
pub(crate) fn count_erased_user() {
    counter!(USERS_ERASED).increment(1);
}

/// The measured durations.
#[derive(Clone, Copy, strum::EnumIter)]
pub(crate) enum Timing {
    TurnAccept,
    ContextPlan,
    CompactionWait,
    FirstTextOverhead,
    AnswerSave,
    EventPublish,
    EventReplay,
}

impl Timing {
    pub(crate) fn record(self, duration: Duration) {
        histogram!(self.describe().0).record(duration);
    }

    /// Records the duration of the work, unless it is dropped.
    pub(crate) async fn measure<T>(self, work: impl Future<Output = T>) -> T {
        let started_at = Instant::now();
        let result = work.await;
        self.record(started_at.elapsed());
        result
    }

    fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::TurnAccept => (
                "webchat_turn_accept_seconds",
                "Time from the start of a turn to the event that accepts its question",
            ),
            Self::ContextPlan => (
                "webchat_context_plan_seconds",
                "Time to select the messages that are sent to the model",
            ),
            Self::CompactionWait => (
                "webchat_compaction_wait_seconds",
                "Time that a turn waited for the compaction of its conversation",
            ),
            Self::FirstTextOverhead => (
                "webchat_first_text_overhead_seconds",
                "Time from the start of a turn to the publication of its first text, without waits for the model",
            ),
            Self::AnswerSave => {
                ("webchat_answer_save_seconds", "Time to save a finished answer, including retries")
            }
            Self::EventPublish => (
                "webchat_event_publish_seconds",
                "Time to publish an event of a turn, including retries",
            ),
            Self::EventReplay => (
                "webchat_event_replay_seconds",
                "Time to open a subscription and read the events that the client has missed",
            ),
        }
    }
}

/// The gauges of operations that are in progress.
#[derive(Clone, Copy, strum::EnumIter)]
pub(crate) enum Gauge {
    Turns,
    FileAnalyses,
    Imports,
    WaitingTexts,
    PendingEvents,
}

impl Gauge {
    /// Counts one more operation until the guard is dropped.
    pub(crate) fn count(self) -> GaugeGuard {
        GaugeGuard::new(gauge!(self.describe().0))
    }

    fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::Turns => ("webchat_turns_running", "Turns that are running in this process"),
            Self::FileAnalyses => {
                ("webchat_file_analyses_running", "File analyses that are running in this process")
            }
            Self::Imports => {
                ("webchat_imports_running", "Imports that are running in this process")
            }
            Self::WaitingTexts => {
                ("webchat_texts_waiting", "Long texts that are waiting to be counted or split")
            }
            Self::PendingEvents => (
                "webchat_events_pending",
                "Events of turns and file analyses that are waiting to be published",
            ),
        }
    }
}

pub(crate) fn count_turn(reason: FinishReason) {
    counter!(TURNS, "finish_reason" => reason.as_str()).increment(1);
}

pub(crate) fn count_turn_failure(code: &'static str) {
    counter!(TURN_FAILURES, "code" => code).increment(1);
}

pub(crate) fn count_recovered_turn() {
    counter!(TURNS_RECOVERED).increment(1);
}

pub(crate) fn count_publish_retry() {
    counter!(EVENT_PUBLISH_RETRIES).increment(1);
}

pub(crate) fn record_prompt_tokens(our_count: u32, reported_count: u32) {
    let difference = f64::from(reported_count) - f64::from(our_count);
    histogram!(PROMPT_TOKENS_DIFFERENCE).record(difference);
}
