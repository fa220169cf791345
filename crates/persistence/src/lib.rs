#![doc = include_str!("../README.md")]

mod audit_event;
mod cpu_work;
mod error;
mod fair_limit;
mod gauge_guard;
mod ports;
pub mod rules;
pub mod search;
#[cfg(feature = "testing")]
pub mod testing;

pub use audit_event::publish_audit_entry;
pub use cpu_work::{spawn_cpu_work, thread_cpu_time};
pub use error::StoreError;
pub use fair_limit::{FairLimit, FairPermit};
pub use gauge_guard::GaugeGuard;
pub use ports::{
    AbandonedTurn, AccountFilter, AccountUpdate, Accounts, AnswerUpdate, ApiKeys, Append,
    AppendOutcome, ArchiveFilter, AuditChain, AuditFilter, AuditLog, Checkpoint, ChildMessage,
    ClaimScope, CompleteJobOutcome, CompletedJob, Contexts, ContinueAnswer, ConversationTransfer,
    Conversations, CreateAccountOutcome, CreateJobOutcome, CreateWithIdentityOutcome, Cursor, Edit,
    EditOutcome, Erasures, FileAnalysis, FileContent, FileJobs, Group, GroupUpdate, Heartbeat,
    Identities, InvalidCursor, LeasedJob, ListOrder, NewEvent, NewFileJob, NewPassword, Page,
    Probe, PublishedAnswer, ReplaceContextOutcome, Replay, RequestErasureOutcome, ReserveOutcome,
    SaveOutcome, SavedFile, SavedFiles, SavedFilesUsage, SelectOutcome, Sessions, Signal, Signals,
    StoredContext, StoredConversation, StoredFileJob, StoredMessage, StoredSession,
    StoredUserSettings, TokenBudgets, TokenLimit, TokenScope, Totals, TurnLease, TurnLog,
    TurnLogExt, UpdateAccountOutcome, UserActivity, UserSettingsStore,
};
#[cfg(feature = "mock")]
pub use ports::{
    MockAccounts, MockApiKeys, MockAuditLog, MockContexts, MockConversationTransfer,
    MockConversations, MockErasures, MockFileJobs, MockIdentities, MockProbe, MockSavedFiles,
    MockSessions, MockSignals, MockTokenBudgets, MockTurnLog, MockUserActivity,
    MockUserSettingsStore,
};
