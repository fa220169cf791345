use thiserror::Error;
use webchat_persistence::StoreError;
use webchat_tokens::TooLong;

use crate::exchange::reading::InvalidImportFile;
use crate::import::ImportError;

/// Why a use case refuses. The text is for the user; a store's fault shows no cause.
#[derive(Debug, Error)]
pub enum ChatError {
    /// Nothing but white space.
    #[error("No message received from user.")]
    EmptyMessage,
    /// Nothing is searched for: an exclusion alone finds nothing.
    #[error("Please enter at least one word to search for.")]
    EmptySearch,
    /// The message can't fit into the model's window.
    #[error(transparent)]
    MessageTooLong(#[from] TooLong),
    /// It does not exist, or is somebody else's.
    #[error("Conversation not found.")]
    ConversationNotFound,
    /// The conversation has no such message.
    #[error("Message not found.")]
    MessageNotFound,
    /// The visible path does not end in an answer that could go on.
    #[error("Only the last answer can be continued, if it broke off and there is room for more.")]
    NothingToContinue,
    /// No such turn runs in the conversation.
    #[error("This answer is not being made any more.")]
    TurnNotFound,
    /// There is no such saved conversation, or it is somebody else's.
    #[error("Saved conversation not found.")]
    SavedFileNotFound,
    /// There is no such example.
    #[error("Example not found.")]
    ExampleNotFound,
    /// There is no summary that could be changed.
    #[error("This conversation has no summary.")]
    NoSummary,
    /// What goes to the model beside the messages takes too much of its window.
    #[error(
        "This takes too much of the model's window: at most {limit} tokens are left for it. Please \
         shorten it."
    )]
    ContextTooLong {
        /// The most there may be.
        limit: u32,
    },
    /// It is not as whoever wants to change it knows it.
    #[error("This was changed meanwhile. Please look at it again before you change it.")]
    PreconditionFailed,
    /// As many answers are being made for the user as may be at once.
    #[error("{limit} answers are being made for you already. Please wait for one of them.")]
    TooManyTurns {
        /// The most there may be.
        limit: u32,
    },
    /// Others change the same context all the time.
    #[error("The conversation's context was changed meanwhile. Please try again.")]
    ContextChanged,
    /// An answer is being made.
    #[error("An answer is still being made. Please wait for it, or stop it.")]
    TurnInProgress,
    /// The conversation has moved on.
    #[error(
        "The conversation has moved on to message {position}. Please look at it before you send."
    )]
    Conflict {
        /// Where it ends.
        position: u64,
    },
    /// A conversation was saved so often that the names of the next seconds are taken.
    #[error("This conversation was saved several times just now. Please wait some seconds.")]
    SavedTooOften,
    /// There is no such import, or not any more, or it is somebody else's.
    #[error("Import not found.")]
    ImportNotFound,
    /// The user has one under way.
    #[error("Another import of yours is still under way. Please wait for its end.")]
    ImportInProgress,
    /// As many are under way as the server takes.
    #[error("The server has too many imports under way. Please try again later.")]
    TooManyImports,
    /// A file that is to be imported can't be understood.
    #[error(transparent)]
    BrokenImport(InvalidImportFile),
    /// Files of this kind are not taken.
    #[error("Unsupported file type.")]
    UnsupportedFileType,
    /// The file is longer than files may be.
    #[error("The file is too large: at most {} MB are taken.", megabytes(*most_bytes))]
    FileTooLarge {
        /// The most bytes of a file.
        most_bytes: usize,
    },
    /// The file is no text.
    #[error("The file is no text: it must be encoded in UTF-8.")]
    FileNotText,
    /// There is nothing in the file.
    #[error("The file is empty.")]
    EmptyFile,
    /// As many files of the user's are analysed as may be.
    #[error("{most} of your files are being analysed. Please wait for one of them, or cancel it.")]
    TooManyFiles {
        /// How many may be.
        most: u32,
    },
    /// There is no such file.
    #[error("File not found.")]
    FileNotFound,
    /// Only an analysis that failed can be tried again.
    #[error("The analysis of this file has not failed: there is nothing to try again.")]
    FileNotFailed,
    /// The server is going away.
    #[error("The server is restarting. Please try again in a moment.")]
    ShuttingDown,
    /// The store can't do it, or is broken.
    #[error("{}", store_message(.0))]
    Store(#[from] StoreError),
}

/// The stable names of what can go wrong, as programs see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is described beside its error")]
pub enum FailureCode {
    EmptyMessage,
    EmptySearch,
    MessageTooLong,
    ConversationNotFound,
    MessageNotFound,
    NothingToContinue,
    TurnNotFound,
    SavedFileNotFound,
    ExampleNotFound,
    NoSummary,
    ContextTooLong,
    ContextChanged,
    PreconditionFailed,
    TooManyTurns,
    TurnInProgress,
    Conflict,
    SavedTooOften,
    ImportNotFound,
    ImportInProgress,
    TooManyImports,
    BrokenImport,
    UnsupportedFileType,
    FileTooLarge,
    FileNotText,
    EmptyFile,
    TooManyFiles,
    FileNotFound,
    FileNotFailed,
    ShuttingDown,
    StorageUnavailable,
    Internal,
}

impl ChatError {
    /// Its stable name.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::EmptyMessage => FailureCode::EmptyMessage,
            Self::EmptySearch => FailureCode::EmptySearch,
            Self::MessageTooLong(_) => FailureCode::MessageTooLong,
            Self::ConversationNotFound => FailureCode::ConversationNotFound,
            Self::MessageNotFound => FailureCode::MessageNotFound,
            Self::NothingToContinue => FailureCode::NothingToContinue,
            Self::TurnNotFound => FailureCode::TurnNotFound,
            Self::SavedFileNotFound => FailureCode::SavedFileNotFound,
            Self::ExampleNotFound => FailureCode::ExampleNotFound,
            Self::NoSummary => FailureCode::NoSummary,
            Self::ContextTooLong { .. } => FailureCode::ContextTooLong,
            Self::ContextChanged => FailureCode::ContextChanged,
            Self::PreconditionFailed => FailureCode::PreconditionFailed,
            Self::TooManyTurns { .. } => FailureCode::TooManyTurns,
            Self::TurnInProgress => FailureCode::TurnInProgress,
            Self::Conflict { .. } => FailureCode::Conflict,
            Self::SavedTooOften => FailureCode::SavedTooOften,
            Self::ImportNotFound => FailureCode::ImportNotFound,
            Self::ImportInProgress => FailureCode::ImportInProgress,
            Self::TooManyImports => FailureCode::TooManyImports,
            Self::BrokenImport(_) => FailureCode::BrokenImport,
            Self::UnsupportedFileType => FailureCode::UnsupportedFileType,
            Self::FileTooLarge { .. } => FailureCode::FileTooLarge,
            Self::FileNotText => FailureCode::FileNotText,
            Self::EmptyFile => FailureCode::EmptyFile,
            Self::TooManyFiles { .. } => FailureCode::TooManyFiles,
            Self::FileNotFound => FailureCode::FileNotFound,
            Self::FileNotFailed => FailureCode::FileNotFailed,
            Self::ShuttingDown => FailureCode::ShuttingDown,
            Self::Store(StoreError::Unavailable(_)) => FailureCode::StorageUnavailable,
            Self::Store(StoreError::Fault(_)) => FailureCode::Internal,
        }
    }
}

impl FailureCode {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmptyMessage => "empty_message",
            Self::EmptySearch => "empty_search",
            Self::MessageTooLong => "message_too_long",
            Self::ConversationNotFound => "conversation_not_found",
            Self::MessageNotFound => "message_not_found",
            Self::NothingToContinue => "nothing_to_continue",
            Self::TurnNotFound => "turn_not_found",
            Self::SavedFileNotFound => "saved_conversation_not_found",
            Self::ExampleNotFound => "example_not_found",
            Self::NoSummary => "no_summary",
            Self::ContextTooLong => "context_too_long",
            Self::ContextChanged => "context_changed",
            // To clients, one thing: they don't know the newest state.
            Self::PreconditionFailed | Self::Conflict => "stale",
            Self::TooManyTurns => "too_many_turns",
            Self::TurnInProgress => "turn_in_progress",
            Self::SavedTooOften => "saved_too_often",
            Self::ImportNotFound => "import_not_found",
            Self::ImportInProgress => "import_in_progress",
            Self::TooManyImports => "too_many_imports",
            Self::BrokenImport => "broken_import",
            Self::UnsupportedFileType => "unsupported_file_type",
            Self::FileTooLarge => "payload_too_large",
            Self::FileNotText => "file_not_text",
            Self::EmptyFile => "empty_file",
            Self::TooManyFiles => "too_many_files",
            Self::FileNotFound => "file_not_found",
            Self::FileNotFailed => "file_not_failed",
            Self::ShuttingDown => "shutting_down",
            Self::StorageUnavailable => "storage_unavailable",
            Self::Internal => "internal",
        }
    }
}

impl From<ImportError> for ChatError {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Broken(broken) => Self::BrokenImport(broken),
            ImportError::Unreadable(cause) => Self::Store(StoreError::unavailable(cause)),
            ImportError::Store(error) => Self::Store(error),
            ImportError::Ended => Self::ShuttingDown,
        }
    }
}

/// As a person writes it: 5, or 0.5.
fn megabytes(bytes: usize) -> String {
    const MEGABYTE: usize = 1024 * 1024;
    let tenths = bytes.saturating_mul(10) / MEGABYTE;
    let text = format!("{}.{}", tenths / 10, tenths % 10);
    text.trim_end_matches(".0").to_owned()
}

fn store_message(error: &StoreError) -> &'static str {
    match error {
        StoreError::Unavailable(_) => {
            "The server can't reach its storage right now. Please try again in a moment."
        }
        StoreError::Fault(_) => "Something went wrong on the server.",
    }
}
