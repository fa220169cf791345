//! The metrics of requests to the model.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use strum::{IntoStaticStr, VariantNames};
use tokio::time::Instant;
use webchat_llm::Usage;

const REQUESTS: &str = "webchat_model_requests_total";
const FIRST_TEXT: &str = "webchat_model_first_text_seconds";
const TOKENS_PER_SECOND: &str = "webchat_model_tokens_per_second";
const TOKENS: &str = "webchat_model_tokens_total";

const COMPLETED: &str = "completed";
/// The outcome of a request whose answer was not received completely: it was stopped or took too long, its
/// conversation was deleted, or the server shut down.
const CANCELLED: &str = "cancelled";

/// The purpose of a request to the model. Its `strum` name is its metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Purpose {
    Answer,
    Title,
    Summary,
    File,
    Completion,
}

/// Measures one request to the model. Dropping it counts the request as cancelled, unless it has ended.
pub(crate) struct RequestMetrics {
    purpose: Purpose,
    sent_at: Instant,
    first_text_at: Option<Instant>,
    outcome: &'static str,
}

pub(crate) fn describe() {
    describe_counter!(REQUESTS, "Requests to the model, by purpose and outcome");
    describe_histogram!(
        FIRST_TEXT,
        Unit::Seconds,
        "Time from sending a request to the first text of the model, by purpose"
    );
    describe_histogram!(
        TOKENS_PER_SECOND,
        "Speed of an answer after its first text, by the model's own token count without reported reasoning"
    );
    describe_counter!(TOKENS, "Tokens that the model has reported, by purpose and kind");
    for purpose in Purpose::VARIANTS {
        for outcome in [COMPLETED, CANCELLED] {
            counter!(REQUESTS, "purpose" => *purpose, "outcome" => outcome).increment(0);
        }
        for kind in ["prompt", "cached", "completion"] {
            counter!(TOKENS, "purpose" => *purpose, "kind" => kind).increment(0);
        }
        let _ = histogram!(FIRST_TEXT, "purpose" => *purpose);
    }
    let _ = histogram!(TOKENS_PER_SECOND);
}

impl RequestMetrics {
    /// Starts to measure a request that is sent now.
    pub(crate) fn start(purpose: Purpose) -> Self {
        Self { purpose, sent_at: Instant::now(), first_text_at: None, outcome: CANCELLED }
    }

    /// Records that the model has sent text. Returns the time since the request was sent if it is the first text.
    pub(crate) fn received_text(&mut self) -> Option<Duration> {
        if self.first_text_at.is_some() {
            return None;
        }
        let now = Instant::now();
        self.first_text_at = Some(now);
        let duration = now - self.sent_at;
        histogram!(FIRST_TEXT, "purpose" => self.label()).record(duration);
        Some(duration)
    }

    /// Records the end of the request: its tokens, and its error code if it failed.
    pub(crate) fn end(mut self, usage: Option<Usage>, error: Option<&'static str>) {
        self.outcome = error.unwrap_or(COMPLETED);
        let Some(usage) = usage else { return };
        for (kind, tokens) in [
            ("prompt", usage.prompt_tokens),
            ("cached", usage.cached_tokens.unwrap_or_default()),
            ("completion", usage.completion_tokens),
        ] {
            counter!(TOKENS, "purpose" => self.label(), "kind" => kind).increment(tokens.into());
        }
        if error.is_none() && self.purpose == Purpose::Answer {
            self.record_speed(usage.text_tokens());
        }
    }

    fn label(&self) -> &'static str {
        self.purpose.into()
    }

    fn record_speed(&self, tokens: u32) {
        let Some(first_text_at) = self.first_text_at else { return };
        let seconds = first_text_at.elapsed().as_secs_f64();
        // The first token was generated before this time starts.
        if tokens > 1 && seconds > 0.0 {
            histogram!(TOKENS_PER_SECOND).record(f64::from(tokens - 1) / seconds);
        }
    }
}

impl Drop for RequestMetrics {
    fn drop(&mut self) {
        counter!(REQUESTS, "purpose" => self.label(), "outcome" => self.outcome).increment(1);
    }
}
