//! The reasons why documents of the Flask application, or entries of them, are not migrated.

use thiserror::Error;

use crate::database::explain_code;

/// The maximum length of a migrated message's text, in bytes.
pub(super) const MAX_CONTENT_BYTES: usize = 1024 * 1024;

/// The reason why a document, or an entry of its `conversation_history`, is not migrated. Indexes count the entries
/// from 0.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SkipReason {
    /// The document is damaged.
    #[error("it is not valid BSON: {0}")]
    Unreadable(String),
    /// It has no usable id.
    #[error("it has neither a conversation_id nor an _id that can be an id")]
    NoConversationId,
    /// It is a document of another application.
    #[error(
        "it has none of the Flask application's fields conversation_id, conversation_history and conversation_text"
    )]
    Foreign,
    /// Its `conversation_id` can't be an id.
    #[error("its conversation_id is neither a string, nor a number, nor an ObjectId, nor a UUID")]
    InvalidConversationId,
    /// Its `user_id` can't be an id.
    #[error("its user_id is neither a string, nor a number, nor an ObjectId, nor a UUID")]
    InvalidUserId,
    /// It has no creation time.
    #[error("neither its created_at nor its updated_at is a date, and its _id contains no time")]
    NoTime,
    /// Its list of messages is not an array.
    #[error("its conversation_history is not an array")]
    InvalidHistory,
    /// It has text but no messages.
    #[error("it has a conversation_text, but no messages in conversation_history")]
    TextWithoutHistory,
    /// An entry is not a document.
    #[error("its conversation_history[{0}] is not a document")]
    InvalidEntry(usize),
    /// The role of an entry is missing or unknown.
    #[error("the role of its conversation_history[{0}] is missing or unknown")]
    UnknownRole(usize),
    /// The content of an entry is too long.
    #[error(
        "the content of its conversation_history[{index}] has {bytes} bytes; the maximum is {MAX_CONTENT_BYTES}"
    )]
    ContentTooLong {
        /// The index of the entry.
        index: usize,
        /// The length of its content.
        bytes: usize,
    },
    /// The summary is too long.
    #[error(
        "its summary, which joins the system messages at the beginning, has {bytes} bytes; the maximum is \
         {MAX_CONTENT_BYTES}"
    )]
    SummaryTooLong {
        /// The length of the summary.
        bytes: usize,
    },
    /// Another document has the same `conversation_id`.
    #[error("the document {0} has the same conversation_id")]
    DuplicateConversationId(String),
    /// Messages that no migration wrote have its `conversation_id`.
    #[error("Webchat already has other messages under its conversation_id")]
    HasOtherMessages,
    /// The Flask application wrote to it again after it was migrated.
    #[error("the Flask application wrote to it after it was migrated")]
    ModifiedAfterMigration,
    /// It changed while it was being migrated.
    #[error("it changed during the migration: is the Flask application still running?")]
    ChangedDuringMigration,
    /// Its written messages differed when they were read back.
    #[error("its written messages differed when they were read back")]
    VerificationFailed,
    /// The database rejects the converted document.
    #[error("the database rejects it: {}", explain_code(*.0))]
    Rejected(i32),
}
