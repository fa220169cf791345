//! Filters of `file_jobs`.

use mongodb::bson::{DateTime, Document, doc};
use webchat_domain::{ConversationId, JobId, MessageId, RunId, Timestamp, UserId};

use crate::documents::date;

/// Matches the job if it belongs to the user.
pub(super) fn job_by_owner(user_id: UserId, id: ConversationId, job_id: JobId) -> Document {
    doc! {
        "job_id": job_id.to_string(),
        "conversation_id": id.to_string(),
        "user_id": user_id.to_string(),
    }
}

/// Matches the user's job whose newest analysis is one of these messages.
pub(super) fn job_by_analysis(
    user_id: UserId,
    id: ConversationId,
    message_ids: &[MessageId],
) -> Document {
    let message_ids: Vec<String> = message_ids.iter().map(ToString::to_string).collect();
    doc! {
        "conversation_id": id.to_string(),
        "user_id": user_id.to_string(),
        "message_id": { "$in": message_ids },
    }
}

/// Matches the user's running jobs.
pub(super) fn running_jobs(user_id: UserId) -> Document {
    doc! { "user_id": user_id.to_string(), "status": "running" }
}

/// Matches the job if this run holds its lease.
pub(super) fn leased_by(job_id: JobId, run_id: RunId) -> Document {
    doc! { "job_id": job_id.to_string(), "run_id": run_id.to_string() }
}

/// Matches the running jobs without a valid lease.
pub(super) fn available(now: Timestamp) -> Document {
    let without_lease = doc! { "lease_until": Option::<DateTime>::None };
    let expired = doc! { "lease_until": { "$lte": date(now) } };
    doc! { "status": "running", "$or": [without_lease, expired] }
}
