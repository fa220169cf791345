//! Helpers that wait for asynchronous work, and that describe events.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use webchat_domain::{ConversationChange, EventBody};

/// Waits until all tasks are idle: only then does Tokio advance its paused clock.
pub(crate) async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

/// Waits for a future, and fails instead of hanging if it never completes. Tests pause the clock, so this
/// takes no real time.
pub(crate) async fn expect_soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_mins(1), future).await.expect("timed out")
}

pub(crate) fn describe(body: &EventBody) -> String {
    match body {
        EventBody::MessageAccepted(accepted) => format!("accepted: {}", accepted.content),
        EventBody::ReasoningChunk(chunk) => format!("reasoning: {}", chunk.chunk),
        EventBody::ResponseChunk(chunk) => format!("chunk: {}", chunk.chunk),
        EventBody::Error(error) => format!("error: {}", error.code),
        EventBody::ResponseEnd(end) => format!("end: {:?}, {:?}", end.finish_reason, end.status),
        EventBody::TokenUsage(usage) => format!("usage: {}", usage.total_tokens_used),
        EventBody::ConversationUpdated(ConversationChange::Title { title }) => {
            format!("title: {}", title.as_str())
        }
        EventBody::FileProgress(file) => {
            format!("file: {:?}, {} of {}", file.status, file.parts_done, file.part_count)
        }
        EventBody::ConversationUpdated(ConversationChange::File { .. }) => "file added".to_owned(),
        EventBody::ConversationUpdated(ConversationChange::Archived { archived }) => {
            format!("archived: {archived}")
        }
        EventBody::ConversationUpdated(ConversationChange::FewShot) => "few-shot".to_owned(),
        EventBody::ConversationUpdated(ConversationChange::Context) => "context".to_owned(),
        EventBody::ConversationUpdated(ConversationChange::Branch) => "branch".to_owned(),
        EventBody::ConversationUpdated(ConversationChange::Compacted { summary_through }) => {
            format!("compacted: {summary_through}")
        }
        EventBody::ConversationUpdated(ConversationChange::Reset) => "reset".to_owned(),
        EventBody::ConversationUpdated(ConversationChange::Deleted) => "deleted".to_owned(),
    }
}
