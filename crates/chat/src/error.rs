use thiserror::Error;
use webchat_persistence::StoreError;
use webchat_tokens::TooLong;

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
    Stale {
        /// Where it ends.
        position: u64,
    },
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
    TurnNotFound,
    SavedFileNotFound,
    ExampleNotFound,
    NoSummary,
    ContextTooLong,
    ContextChanged,
    PreconditionFailed,
    TooManyTurns,
    TurnInProgress,
    Stale,
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
            Self::TurnNotFound => FailureCode::TurnNotFound,
            Self::SavedFileNotFound => FailureCode::SavedFileNotFound,
            Self::ExampleNotFound => FailureCode::ExampleNotFound,
            Self::NoSummary => FailureCode::NoSummary,
            Self::ContextTooLong { .. } => FailureCode::ContextTooLong,
            Self::ContextChanged => FailureCode::ContextChanged,
            Self::PreconditionFailed => FailureCode::PreconditionFailed,
            Self::TooManyTurns { .. } => FailureCode::TooManyTurns,
            Self::TurnInProgress => FailureCode::TurnInProgress,
            Self::Stale { .. } => FailureCode::Stale,
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
            Self::TurnNotFound => "turn_not_found",
            Self::SavedFileNotFound => "saved_conversation_not_found",
            Self::ExampleNotFound => "example_not_found",
            Self::NoSummary => "no_summary",
            Self::ContextTooLong => "context_too_long",
            Self::ContextChanged => "context_changed",
            // To clients, one thing: they don't know the newest state.
            Self::PreconditionFailed | Self::Stale => "stale",
            Self::TooManyTurns => "too_many_turns",
            Self::TurnInProgress => "turn_in_progress",
            Self::ShuttingDown => "shutting_down",
            Self::StorageUnavailable => "storage_unavailable",
            Self::Internal => "internal",
        }
    }
}

fn store_message(error: &StoreError) -> &'static str {
    match error {
        StoreError::Unavailable(_) => {
            "The server can't reach its storage right now. Please try again in a moment."
        }
        StoreError::Fault(_) => "Something went wrong on the server.",
    }
}
