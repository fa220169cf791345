//! Spans for traces. They contain no message texts, and the log does not show them.

use tracing::field::Empty;
use tracing::{Span, info_span};
use webchat_domain::{ConversationId, FinishReason, JobId, Problem, TRACE_TARGET, TurnId};

use crate::error::ChatError;

/// Returns the span of a turn, from its acceptance to its end.
pub(crate) fn turn(id: ConversationId) -> Span {
    info_span!(
        target: TRACE_TARGET,
        "turn",
        gen_ai.conversation.id = %id,
        webchat.turn.id = Empty,
        webchat.turn.finish_reason = Empty,
        error.type = Empty,
        otel.status_code = Empty,
    )
}

/// Records the id of the stored turn in the current span.
pub(crate) fn record_turn_id(turn_id: TurnId) {
    Span::current().record("webchat.turn.id", tracing::field::display(turn_id));
}

/// Records the error that prevented the turn in the current span.
pub(crate) fn record_rejection(error: &ChatError) {
    record_error(error.code());
}

/// Records the end of the turn in the current span.
pub(crate) fn record_turn_end(finish_reason: FinishReason, error: Option<&Problem>) {
    Span::current().record("webchat.turn.finish_reason", finish_reason.as_str());
    if let Some(error) = error {
        record_error(&error.code);
    }
}

fn record_error(code: &str) {
    Span::current().record("error.type", code).record("otel.status_code", "ERROR");
}

/// Returns the span in which the messages of a request are selected.
pub(crate) fn context_plan() -> Span {
    info_span!(target: TRACE_TARGET, "plan context")
}

/// Returns the span in which an answer is saved.
pub(crate) fn answer_save() -> Span {
    info_span!(target: TRACE_TARGET, "save answer")
}

/// Returns the span of a compaction, with its requests to the model.
pub(crate) fn compaction() -> Span {
    info_span!(target: TRACE_TARGET, "compact conversation")
}

/// Returns the span in which a title is generated.
pub(crate) fn title() -> Span {
    info_span!(target: TRACE_TARGET, "generate title")
}

/// Returns the span of a file's analysis. It starts a new trace, because another instance may have received the
/// file.
pub(crate) fn file_analysis(job_id: JobId) -> Span {
    info_span!(target: TRACE_TARGET, parent: None, "analyse file", webchat.job.id = %job_id)
}
