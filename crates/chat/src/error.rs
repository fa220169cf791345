//! The errors of the use cases, each with its wire code and its text.

mod amounts;

use std::time::Duration;

use strum::IntoStaticStr;
use thiserror::Error;
use webchat_domain::ModelId;
use webchat_persistence::StoreError;
use webchat_tokens::{ObviouslyTooLong, TooLong};

use self::amounts::{hours, megabytes, wait};
use crate::accounts::forbidden::Forbidden;
use crate::formats::invalid_file::InvalidImportFile;

/// An error of a use case. Its text is meant for the user and never shows the cause of a storage error; its
/// `strum` name is the stable code that clients see (see [`ChatError::code`]).
#[derive(Debug, Error, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ChatError {
    /// The message contains only white space.
    #[error("No message received from user.")]
    EmptyMessage,
    /// The query has no word or phrase to search for; exclusions alone match nothing.
    #[error("Please enter at least one word to search for.")]
    EmptySearch,
    /// The query is too long.
    #[error("The search is too long. Please enter at most {max_chars} characters.")]
    SearchTooLong {
        /// The maximum number of characters.
        max_chars: usize,
    },
    /// The message doesn't fit into the model's window.
    #[error(transparent)]
    MessageTooLong(#[from] TooLong),
    /// The message has so many bytes that it can't fit into the model's window. Its tokens were not counted.
    #[error(transparent)]
    #[strum(serialize = "message_too_long")]
    MessageObviouslyTooLong(#[from] ObviouslyTooLong),
    /// The conversation doesn't exist or belongs to another user.
    #[error("Conversation not found.")]
    ConversationNotFound,
    /// The conversation has no such message.
    #[error("Message not found.")]
    MessageNotFound,
    /// The visible path doesn't end in an answer that can be continued.
    #[error(
        "Only the last answer can be continued, and only if it is incomplete, smaller than 1 MB, and \
         the model's context window has space left."
    )]
    NothingToContinue,
    /// No such turn is running in the conversation.
    #[error("This answer is no longer being generated.")]
    TurnNotFound,
    /// The saved conversation doesn't exist or belongs to another user.
    #[error("Saved conversation not found.")]
    SavedConversationNotFound,
    /// The conversation has no such example.
    #[error("Example not found.")]
    ExampleNotFound,
    /// The conversation has no summary to change.
    #[error("This conversation has no summary.")]
    NoSummary,
    /// The system prompt, the examples or the summary take too much of the model's window.
    #[error(
        "This uses too much of the model's context window: at most {limit} tokens are left for it. \
         Please shorten it."
    )]
    ContextTooLong {
        /// The maximum number of tokens.
        limit: u32,
    },
    /// The maximum length of an answer in a conversation is not from 1 to the server's maximum.
    #[error("The maximum answer length must be from 1 to {limit} tokens.")]
    #[strum(serialize = "invalid_value")]
    ReplyTokensOutOfRange {
        /// The server's maximum.
        limit: u32,
    },
    /// The model was withdrawn, or the user may not use it.
    #[error("{}", unavailable_model(model.as_ref()))]
    ModelUnavailable {
        /// The model; `None` if the user may use none.
        model: Option<ModelId>,
    },
    /// The resource no longer has the revision, or the state, that the client expects.
    #[error("This was changed in the meantime. Please reload it before you change it.")]
    #[strum(serialize = "stale")]
    RevisionConflict,
    /// The conversation has messages after the position that the client expects.
    #[error(
        "The conversation has new messages, up to message {position}. Please read them before you \
         send."
    )]
    #[strum(serialize = "stale")]
    PositionConflict {
        /// The position of the conversation's last message.
        position: u64,
    },
    /// Every attempt to store the change failed, because the context was changed concurrently.
    #[error("The conversation's context was changed in the meantime. Please try again.")]
    #[strum(serialize = "context_changed")]
    ContextConflict,
    /// The client's id of the message belongs to a message with another text.
    #[error(
        "This Idempotency-Key or client_message_id was already used for another message. Use a new one."
    )]
    IdempotencyKeyReused,
    /// The user's limit of concurrent turns is reached.
    #[error("You already have {limit} answers in progress. Please wait for one of them.")]
    #[strum(serialize = "too_many_turns")]
    TooManyUserTurns {
        /// The maximum number of concurrent turns.
        limit: usize,
    },
    /// The limit of concurrent turns of the client's network is reached.
    #[error("{limit} answers for your network are in progress. Please wait for one of them.")]
    #[strum(serialize = "too_many_turns_from_address")]
    TooManyNetworkTurns {
        /// The maximum number of concurrent turns.
        limit: usize,
    },
    /// The server's limit of concurrent turns is reached.
    #[error("The server has too many answers in progress. Please try again in a moment.")]
    ServerBusy,
    /// A daily budget has fewer tokens left than the request may use.
    #[error(
        "{owner} daily budget of tokens doesn't suffice for this. It resets at 00:00 UTC, in {}. The \
         operator's setting is {setting}.",
        hours(*retry_after)
    )]
    TokenBudgetExceeded {
        /// The owner of the budget, at the start of a sentence.
        owner: &'static str,
        /// The setting that limits the budget.
        setting: &'static str,
        /// The time until the budget is reset.
        retry_after: Duration,
    },
    /// Another turn is running in the conversation.
    #[error("An answer is still in progress. Please wait for it, or stop it.")]
    TurnInProgress,
    /// The conversation was saved so often that the file names for the next seconds are already in use.
    #[error("This conversation was just saved several times. Please wait a few seconds.")]
    SavedTooOften,
    /// The user's limit of saved conversations is reached.
    #[error(
        "You have too many saved conversations: at most {files} files and {} MB are kept. Delete a \
         conversation that you have saved; its saved files are deleted with it.",
        megabytes(*bytes)
    )]
    #[strum(serialize = "storage_full")]
    TooManySavedFiles {
        /// The maximum number of files.
        files: usize,
        /// The maximum bytes of all files together.
        bytes: usize,
    },
    /// The user's limit of stored bytes is reached.
    #[error(
        "Your conversations take too much space: at most {} MB are kept. Delete conversations that you \
         no longer need.",
        limit / (1024 * 1024)
    )]
    StorageFull {
        /// The maximum number of bytes.
        limit: u64,
    },
    /// The limit of the bytes that all users have stored is reached.
    #[error("The server has no space left. Please ask its operator for more.")]
    #[strum(serialize = "storage_full")]
    ServerStorageFull,
    /// The import doesn't exist, has expired, or belongs to another user.
    #[error("Import not found.")]
    ImportNotFound,
    /// The user already has an import in progress.
    #[error("You already have an import in progress. Please wait until it has finished.")]
    ImportInProgress,
    /// The server's limit of concurrent imports is reached.
    #[error("The server has too many imports in progress. Please try again later.")]
    TooManyImports,
    /// The limit of concurrent imports of the client's network is reached.
    #[error("{limit} imports for your network are in progress. Please wait for one of them.")]
    #[strum(serialize = "too_many_imports_from_address")]
    TooManyNetworkImports {
        /// The maximum number of concurrent imports.
        limit: usize,
    },
    /// The file to import can't be parsed.
    #[error(transparent)]
    #[strum(serialize = "broken_import")]
    InvalidImport(InvalidImportFile),
    /// Files with this name extension are not accepted.
    #[error("Unsupported file type.")]
    UnsupportedFileType,
    /// The file exceeds the size limit.
    #[error("The file is too large: at most {} MB are accepted.", megabytes(*max_bytes))]
    #[strum(serialize = "payload_too_large")]
    FileTooLarge {
        /// The maximum size of a file in bytes.
        max_bytes: usize,
    },
    /// The file is not a text in UTF-8, in UTF-16, or in the encoding that the client declared.
    #[error("The file is not a text file in UTF-8 or UTF-16.")]
    FileNotText,
    /// The file contains only white space.
    #[error("The file is empty.")]
    EmptyFile,
    /// The user's limit of concurrent file analyses is reached.
    #[error(
        "{limit} of your files are already being analysed. Please wait for one of them, or cancel it."
    )]
    TooManyFiles {
        /// The maximum number of concurrent file analyses.
        limit: u32,
    },
    /// The file doesn't exist or belongs to another user.
    #[error("File not found.")]
    FileNotFound,
    /// The file is being analysed with other instructions.
    #[error(
        "This file is being analysed. Please wait for the analysis, or cancel it, before you ask for another one."
    )]
    FileRunning,
    /// A cancelled analysis can't be retried.
    #[error("The analysis of this file was cancelled. Attach the file again to analyse it again.")]
    FileNotFailed,
    /// The file was analysed when files were not kept yet.
    #[error("The file is no longer stored. Attach the file again to analyse it again.")]
    FileNotKept,
    /// The answer is the analysis of a file: the model would answer without the file.
    #[error(
        "This answer is the analysis of a file, and the model would answer without the file. Analyse the file again \
         instead, with other instructions if you want another answer."
    )]
    FileAnalysis,
    /// No account has the name and the password.
    #[error("The name or the password is wrong.")]
    WrongCredentials,
    /// The request needs the user's password.
    #[error("Please enter your password.")]
    #[strum(serialize = "wrong_credentials")]
    PasswordNeeded,
    /// The account is disabled.
    #[error("This account is disabled. Please ask an administrator.")]
    AccountDisabled,
    /// There were too many failed attempts to sign in.
    #[error("Too many failed attempts to sign in. Please try again in {}.", wait(*retry_after))]
    #[strum(serialize = "rate_limited")]
    TooManySignIns {
        /// The time until the next attempt is allowed.
        retry_after: Duration,
    },
    /// The request needs a user who is signed in.
    #[error("Please sign in.")]
    AuthenticationRequired,
    /// There is no such API key, or it gives no access any more.
    #[error("This API key is not valid: it may be incomplete, expired or revoked.")]
    InvalidApiKey,
    /// The user, or the API key, may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The time at which a new API key would expire is in the past.
    #[error("The time at which the key expires must be in the future.")]
    #[strum(serialize = "invalid_value")]
    KeyExpiryInPast,
    /// The user has too many API keys.
    #[error("You have {limit} API keys, which is the maximum. Please revoke one of them.")]
    TooManyKeys {
        /// The maximum number of keys.
        limit: usize,
    },
    /// The user would have too many groups by hand.
    #[error("A user can have at most {limit} groups by hand.")]
    TooManyGroups {
        /// The maximum number of groups.
        limit: usize,
    },
    /// The user has no such API key.
    #[error("API key not found.")]
    KeyNotFound,
    /// The user must choose a new password first.
    #[error("Please choose a new password first.")]
    PasswordChangeRequired,
    /// The new password is too short.
    #[error("A password must have at least {min_chars} characters.")]
    #[strum(serialize = "weak_password")]
    PasswordTooShort {
        /// The minimum number of characters.
        min_chars: usize,
    },
    /// The new password is common, or easy to guess.
    #[error(
        "This password is too easy to guess. Please choose another one, for example a few unrelated words."
    )]
    WeakPassword,
    /// The new password is the current one.
    #[error("The new password must differ from the current one.")]
    #[strum(serialize = "weak_password")]
    SamePassword,
    /// Too many passwords are being checked.
    #[error("Too many people are signing in at the moment. Please try again in a moment.")]
    #[strum(serialize = "server_busy")]
    SignInBusy,
    /// There is no such account.
    #[error("Account not found.")]
    AccountNotFound,
    /// Another account has the name.
    #[error("There is already an account with this name.")]
    NameTaken,
    /// A visitor has chosen a name that is easily mistaken for another one.
    #[error(
        "This name is easily mistaken for another one. Please use the letters of one script only."
    )]
    AmbiguousName,
    /// The name of a group is easily mistaken for another one.
    #[error("The name of this group has invisible characters. Please remove them.")]
    #[strum(serialize = "ambiguous_name")]
    AmbiguousGroupName,
    /// Somebody has used the account already, or another account has the conversations.
    #[error(
        "This account has been used already, or another account has these conversations. Only an account that nobody has signed in to can get them."
    )]
    AccountInUse,
    /// The change would leave no administrator who can sign in.
    #[error("This is the last administrator. Make somebody else an administrator first.")]
    LastAdmin,
    /// The account is being erased.
    #[error("This account is being deleted, and can't be changed any more.")]
    AccountBeingErased,
    /// A user without a password must have signed in recently.
    #[error("Please sign out, sign in again, and try again within ten minutes.")]
    RecentSignInNeeded,
    /// There is no such erasure, or its receipt is too old.
    #[error("Receipt not found.")]
    ErasureNotFound,
    /// The user has no such session.
    #[error("Session not found.")]
    SessionNotFound,
    /// The server is shutting down.
    #[error("The server is restarting. Please try again in a moment.")]
    ShuttingDown,
    /// A store is unavailable; the same request may succeed later.
    #[error("The server can't reach its storage right now. Please try again in a moment.")]
    StorageUnavailable(#[source] StoreError),
    /// A store took too long; the same request may succeed later.
    #[error(
        "This took too long. Please try again in a moment. If it was a search, please try other words."
    )]
    StorageTimeout(#[source] StoreError),
    /// A store is faulty, or the server has a bug; retrying doesn't help.
    #[error("Something went wrong on the server.")]
    Internal(#[source] StoreError),
}

impl ChatError {
    /// Returns the error's stable code in the wire format.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.into()
    }
}

fn unavailable_model(model: Option<&ModelId>) -> String {
    match model {
        Some(model) => {
            format!("The model {model} is not available to you. Please choose another one.")
        }
        None => "No model is available to you. Please contact your administrator.".to_owned(),
    }
}

impl From<StoreError> for ChatError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::StorageUnavailable(error),
            StoreError::Timeout(_) => Self::StorageTimeout(error),
            StoreError::Fault(_) => Self::Internal(error),
        }
    }
}

#[cfg(test)]
mod tests;
