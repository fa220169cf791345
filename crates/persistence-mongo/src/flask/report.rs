use std::fmt;

use mongodb::bson::Bson;
use thiserror::Error;
use webchat_persistence::StoreError;

use super::old::Counts;

/// How many of the documents that are left behind a report names.
const NAMED: usize = 1_000;

/// The longest text of a message that is carried over, in bytes.
pub(super) const MAX_CONTENT: usize = 1024 * 1024;

/// What a migration has done, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlaskReport {
    /// Conversations carried over.
    pub conversations: u64,
    /// Their messages.
    pub messages: u64,
    /// Those of the messages that had neither of Webchat's roles: they are somebody's who speaks for
    /// the user or for the assistant.
    pub recast_messages: u64,
    /// Those of the conversations that have a summary now.
    pub summaries: u64,
    /// Conversations that had Webchat's form already.
    pub already_there: u64,
    /// Documents that were left as they are.
    pub left_behind: u64,
    /// The first 1 000 of these.
    pub first_left_behind: Vec<LeftBehind>,
    /// The Flask application's text index, which nothing needs any more.
    pub dropped_index: Option<String>,
}

/// A document of the Flask application that was left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftBehind {
    /// Its `_id`, as MongoDB's shell writes it.
    pub document: String,
    /// Why.
    pub reason: Reason,
}

/// Why a document can't be carried over. An index counts the entries of `conversation_history` from 0.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Reason {
    /// It is damaged.
    #[error("it is no valid BSON: {0}")]
    Unreadable(String),
    /// It has no `conversation_id`.
    #[error("its conversation_id is missing or no text")]
    NoConversationId,
    /// Nobody owns it.
    #[error("its user_id is missing or no text")]
    NoUserId,
    /// A field that should hold a date holds something else.
    #[error("its {0} is no date in the years 0 to 9999")]
    NoDate(&'static str),
    /// There is nothing to tell its time from.
    #[error("it has neither created_at nor updated_at, and its _id tells no time")]
    NoTime,
    /// What should be the list of messages is something else.
    #[error("its conversation_history is no list")]
    HistoryIsNoList,
    /// There are no messages, but there is text.
    #[error("it has a conversation_text, but no conversation_history")]
    TextWithoutHistory,
    /// An entry of the list is no message.
    #[error("its message {0} is no document")]
    EntryIsNoDocument(usize),
    /// It isn't known who speaks.
    #[error("the role of its message {0} is missing or unknown")]
    UnknownRole(usize),
    /// A message is something other than a text.
    #[error("the content of its message {0} is missing or no text")]
    ContentIsNoText(usize),
    /// A message, or the summary, is too long.
    #[error("the content of its message {index} has {bytes} bytes, more than {MAX_CONTENT}")]
    ContentTooLong {
        /// Which.
        index: usize,
        /// How long.
        bytes: usize,
    },
    /// Another document has the same `conversation_id`.
    #[error("its conversation_id is also that of the document {0}")]
    DuplicateConversationId(String),
    /// There are messages under its id that did not come from a migration.
    #[error("Webchat already holds other messages under its conversation_id")]
    HasOtherMessages,
    /// It was carried over before, and the Flask application wrote to it again.
    #[error("the Flask application wrote to it after it had been carried over")]
    WrittenAgain,
    /// It was changed while it was being carried over.
    #[error("it was changed meanwhile: is the Flask application still running?")]
    ChangedMeanwhile,
    /// Its messages, read back, were not what had been written.
    #[error("its messages were written, but could not be read back unchanged")]
    NotVerified,
    /// The server refuses what it would become.
    #[error("the database refuses it, with its error {0}")]
    Refused(i32),
}

/// What is told while a migration runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlaskProgress {
    /// Somebody else is migrating: this one waits, and begins when that one ends or has died.
    Waiting,
    /// A document was left as it is.
    LeftBehind(LeftBehind),
    /// So much was done so far.
    Carried {
        /// Conversations carried over.
        conversations: u64,
        /// Their messages.
        messages: u64,
        /// Documents that were left as they are.
        left_behind: u64,
        /// How many documents there were in the old form at the beginning.
        of: u64,
    },
}

/// Why a migration has ended early. Running it again goes on with what is left.
#[derive(Debug, Error)]
pub enum FlaskError {
    /// The database failed.
    #[error("{0}; run it again to go on")]
    Store(#[from] StoreError),
    /// This one stood still for so long that another one has taken its place.
    #[error("another migration has taken over, as this one stood still for too long")]
    TakenOver,
}

impl LeftBehind {
    pub(super) fn new(document: &Bson, reason: Reason) -> Self {
        Self { document: document.to_string(), reason }
    }
}

impl fmt::Display for LeftBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.document, self.reason)
    }
}

impl FlaskReport {
    pub(super) fn count(&mut self, counts: Counts) {
        self.conversations += 1;
        self.messages += counts.messages;
        self.recast_messages += counts.recast_messages;
        self.summaries += u64::from(counts.has_summary);
    }

    pub(super) fn leave_behind(&mut self, left: LeftBehind) {
        self.left_behind += 1;
        if self.first_left_behind.len() < NAMED {
            self.first_left_behind.push(left);
        }
    }
}
