//! The documents of file analyses: `file_jobs`, `file_texts` and `file_analyses`.

use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, TryFromInto, serde_as};
use webchat_domain::{
    ConversationId, FileInstructions, FileJob, FileName, JobId, JobStatus, MessageId, Problem,
    RunId, Timestamp, UserId,
};

use super::values::Date;

/// A document of `file_jobs`.
#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct JobDocument {
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) job_id: JobId,
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) conversation_id: ConversationId,
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) user_id: UserId,
    file_name: FileName,
    #[serde_as(as = "TryFromInto<i64>")]
    size_bytes: u64,
    #[serde_as(as = "TryFromInto<i64>")]
    token_count: u32,
    pub(crate) status: JobStatus,
    #[serde_as(as = "TryFromInto<i64>")]
    done: u32,
    #[serde_as(as = "TryFromInto<i64>")]
    parts: u32,
    error: Option<Problem>,
    #[serde_as(as = "Date")]
    created_at: Timestamp,
    #[serde_as(as = "Option<DisplayFromStr>")]
    message_id: Option<MessageId>,
    #[serde_as(as = "Option<DisplayFromStr>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    question_id: Option<MessageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<FileInstructions>,
    #[serde_as(as = "Option<DisplayFromStr>")]
    run_id: Option<RunId>,
    #[serde_as(as = "Option<Date>")]
    lease_until: Option<Timestamp>,
}

/// A document of `file_texts`.
#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TextDocument {
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) job_id: JobId,
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) conversation_id: ConversationId,
    pub(crate) content: String,
    #[serde_as(as = "Vec<TryFromInto<i64>>")]
    pub(crate) part_ends: Vec<u64>,
}

/// A document of `file_analyses`.
#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AnalysisDocument {
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) job_id: JobId,
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) conversation_id: ConversationId,
    #[serde_as(as = "TryFromInto<i64>")]
    pub(crate) part: u32,
    pub(crate) content: String,
}

impl JobDocument {
    /// Creates the document of a job without a lease.
    pub(crate) fn new(user_id: UserId, job: FileJob) -> Self {
        Self {
            job_id: job.job_id,
            conversation_id: job.conversation_id,
            user_id,
            file_name: job.file_name,
            size_bytes: job.size_bytes,
            token_count: job.token_count,
            status: job.status,
            done: job.parts_done,
            parts: job.part_count,
            error: job.error,
            created_at: job.created_at,
            message_id: job.message_id,
            question_id: job.question_id,
            instructions: job.instructions,
            run_id: None,
            lease_until: None,
        }
    }
}

impl From<JobDocument> for FileJob {
    fn from(document: JobDocument) -> Self {
        Self {
            job_id: document.job_id,
            conversation_id: document.conversation_id,
            file_name: document.file_name,
            size_bytes: document.size_bytes,
            token_count: document.token_count,
            status: document.status,
            parts_done: document.done,
            part_count: document.parts,
            error: document.error,
            created_at: document.created_at,
            message_id: document.message_id,
            question_id: document.question_id,
            instructions: document.instructions,
        }
    }
}
