//! The ports: the traits through which the layers above use the stores, one file each.

mod accounts;
mod contexts;
mod conversation_transfer;
mod conversations;
mod file_jobs;
mod probe;
mod saved_files;
mod sessions;
mod signals;
mod token_budgets;
mod turn_log;
mod user_activity;
mod user_settings;

pub use accounts::{
    AccountFilter, AccountUpdate, Accounts, ApiKeys, AuditChain, AuditFilter, AuditLog,
    CreateAccountOutcome, CreateWithIdentityOutcome, Erasures, Group, GroupUpdate, Identities,
    NewPassword, RequestErasureOutcome, UpdateAccountOutcome,
};
#[cfg(feature = "mock")]
pub use accounts::{MockAccounts, MockApiKeys, MockAuditLog, MockErasures, MockIdentities};
#[cfg(feature = "mock")]
pub use contexts::MockContexts;
pub use contexts::{Contexts, ReplaceContextOutcome, StoredContext};
#[cfg(feature = "mock")]
pub use conversation_transfer::MockConversationTransfer;
pub use conversation_transfer::{
    ConversationTransfer, StoredConversation, StoredFileJob, StoredMessage, Totals,
};
#[cfg(feature = "mock")]
pub use conversations::MockConversations;
pub use conversations::{
    AbandonedTurn, AnswerUpdate, Append, AppendOutcome, ArchiveFilter, ChildMessage, ClaimScope,
    ContinueAnswer, Conversations, Cursor, Edit, EditOutcome, InvalidCursor, ListOrder, Page,
    SelectOutcome, TurnLease,
};
#[cfg(feature = "mock")]
pub use file_jobs::MockFileJobs;
pub use file_jobs::{
    CompleteJobOutcome, CompletedJob, CreateJobOutcome, FileAnalysis, FileJobs, LeasedJob,
    NewFileJob,
};
#[cfg(feature = "mock")]
pub use probe::MockProbe;
pub use probe::Probe;
#[cfg(feature = "mock")]
pub use saved_files::MockSavedFiles;
pub use saved_files::{FileContent, SaveOutcome, SavedFile, SavedFiles, SavedFilesUsage};
#[cfg(feature = "mock")]
pub use sessions::MockSessions;
pub use sessions::{Sessions, StoredSession};
#[cfg(feature = "mock")]
pub use signals::MockSignals;
pub use signals::{Heartbeat, Signal, Signals};
#[cfg(feature = "mock")]
pub use token_budgets::MockTokenBudgets;
pub use token_budgets::{ReserveOutcome, TokenBudgets, TokenLimit, TokenScope};
#[cfg(feature = "mock")]
pub use turn_log::MockTurnLog;
pub use turn_log::{Checkpoint, NewEvent, PublishedAnswer, Replay, TurnLog, TurnLogExt};
#[cfg(feature = "mock")]
pub use user_activity::MockUserActivity;
pub use user_activity::UserActivity;
#[cfg(feature = "mock")]
pub use user_settings::MockUserSettingsStore;
pub use user_settings::{StoredUserSettings, UserSettingsStore};
