//! What the finish reasons of upstreams mean.

use webchat_domain::FinishReason;

/// What a finish reason means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The model has ended its answer.
    Finished(FinishReason),
    /// The upstream has broken the answer off.
    BrokenOff,
}

/// Reasons that mean a complete answer: of OpenAI, and of others that pass on their own.
const STOP: [&str; 20] = [
    "stop",
    "stopped",
    "stop_sequence",
    "stop_token",
    "stop_str",
    "normal",
    "eos",
    "eos_token",
    "eos_id",
    "eos_found",
    "end",
    "end_turn",
    "end_of_text",
    "complete",
    "completed",
    "finished",
    "done",
    "tool_calls",
    "tool_use",
    "function_call",
];

const LENGTH: [&str; 12] = [
    "length",
    "max_length",
    "model_length",
    "max_tokens",
    "max_new_tokens",
    "max_output",
    "max_output_tokens",
    "token_limit",
    "context_length",
    "context_length_exceeded",
    "model_context_window_exceeded",
    "error_limit",
];

const CONTENT_FILTER: [&str; 14] = [
    "content_filter",
    "content_filtered",
    "safety",
    "sensitive",
    "refusal",
    "recitation",
    "blocklist",
    "prohibited_content",
    "spii",
    "image_safety",
    "image_recitation",
    "image_prohibited_content",
    "error_toxic",
    "guardrail_intervened",
];

/// Returns what a finish reason means, or `None` if it is empty. A reason that is not known does not mean a
/// complete answer: it is one of `error`, `abort`, `network_error`, `insufficient_system_resource`, ….
pub(crate) fn ending(reason: &str) -> Option<Ending> {
    let reason = normalise(reason);
    let is_in = |reasons: &[&str]| reasons.iter().any(|known| known.replace('_', "") == reason);
    Some(match reason.as_str() {
        "" | "null" | "none" | "notfinished" | "unspecified" => return None,
        _ if is_in(&STOP) => Ending::Finished(FinishReason::Stop),
        _ if is_in(&LENGTH) => Ending::Finished(FinishReason::Length),
        _ if is_in(&CONTENT_FILTER) => Ending::Finished(FinishReason::ContentFilter),
        _ => Ending::BrokenOff,
    })
}

/// Returns whether the reason that a gateway has translated into another one means that the answer was
/// broken off. Unlike [`ending`], it must say so: there are too many such reasons to know all others.
pub(crate) fn is_native_failure(reason: &str) -> bool {
    const FAILURES: [&str; 9] = [
        "error",
        "abort",
        "fail",
        "cancel",
        "insufficient",
        "timeout",
        "timedout",
        "overload",
        "unavailable",
    ];
    if matches!(ending(reason), Some(Ending::Finished(_))) {
        return false;
    }
    let reason = normalise(reason);
    FAILURES.iter().any(|failure| reason.contains(failure))
}

/// Returns the letters of the reason in lower case, without the name of its type and without details:
/// `FinishReason.STOP` is `stop`, and Google's `content_filter: RECITATION` is `contentfilter`.
fn normalise(reason: &str) -> String {
    let reason = reason.split(':').next().unwrap_or_default();
    let reason = reason.trim().to_ascii_lowercase().replace(['-', ' ', '_'], "");
    let last = reason.rsplit('.').next().unwrap_or_default();
    last.strip_prefix("finishreason").unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_reasons_mean_a_complete_answer() {
        let finished = |reason| Some(Ending::Finished(reason));
        for (reason, expected) in [
            ("stop", finished(FinishReason::Stop)),
            ("eos_token", finished(FinishReason::Stop)),
            ("FinishReason.STOP", finished(FinishReason::Stop)),
            ("content_filter: PROHIBITED_CONTENT", finished(FinishReason::ContentFilter)),
            ("function_call_filter: MALFORMED_FUNCTION_CALL", Some(Ending::BrokenOff)),
            ("FINISH_REASON_MAX_TOKENS", finished(FinishReason::Length)),
            ("length", finished(FinishReason::Length)),
            ("content-filter", finished(FinishReason::ContentFilter)),
            ("SAFETY", finished(FinishReason::ContentFilter)),
            ("normal", finished(FinishReason::Stop)),
            ("eosFound", finished(FinishReason::Stop)),
            ("eos_id", finished(FinishReason::Stop)),
            ("max_output", finished(FinishReason::Length)),
            ("maxOutputTokens", finished(FinishReason::Length)),
            ("context_length_exceeded", finished(FinishReason::Length)),
            ("ERROR_LIMIT", finished(FinishReason::Length)),
            ("contentFilter", finished(FinishReason::ContentFilter)),
            ("ERROR_TOXIC", finished(FinishReason::ContentFilter)),
            ("IMAGE_SAFETY", finished(FinishReason::ContentFilter)),
            ("", None),
            ("not_finished", None),
            ("FINISH_REASON_UNSPECIFIED", None),
            ("error", Some(Ending::BrokenOff)),
            ("abort", Some(Ending::BrokenOff)),
            ("insufficient_system_resource", Some(Ending::BrokenOff)),
            ("unknown", Some(Ending::BrokenOff)),
        ] {
            assert_eq!(ending(reason), expected, "{reason}");
        }
    }

    #[test]
    fn a_translated_reason_is_a_failure_only_if_it_says_so() {
        for (reason, expected) in [
            ("network_error", true),
            ("ABORTED", true),
            ("insufficient_system_resource", true),
            ("ERROR_TOXIC", false),
            ("MAX_TOKENS", false),
            ("STOP", false),
            ("something_new", false),
        ] {
            assert_eq!(is_native_failure(reason), expected, "{reason}");
        }
    }
}
