#![doc = include_str!("../README.md")]

mod clock;
mod context;
mod conversation;
mod error_chain;
mod event;
mod file;
#[cfg(feature = "testing")]
mod fixtures;
mod ids;
mod integer;
mod message;
mod parameters;
mod problem;
mod search;
mod turn;
mod users;

pub use clock::{Clock, ManualClock, SystemClock, Timestamp, UtcDay};
pub use context::{
    Context, FewShotExample, PromptSource, Summary, SummaryAuthor, SystemPrompt, UserSettings,
};
pub use conversation::{Conversation, InvalidTitle, Title};
pub use error_chain::error_chain;
pub use event::{
    ConversationChange, Event, EventBody, EventData, ReasoningChunk, ResponseChunk, ResponseEnd,
    TokenUsage, TurnFailed,
};
pub use file::{
    FileInstructions, FileJob, FileName, FileProgress, InvalidFileInstructions, JobStatus,
};
pub use ids::{
    ApiKeyId, ClientMessageId, ConversationId, DeviceId, ErasureId, EventId, ExampleId,
    IdempotencyKey, ImportId, InstanceId, InvalidClientMessageId, InvalidId, InvalidIdempotencyKey,
    InvalidModelId, JobId, MessageId, ModelId, PublicSessionId, RunId, SessionId, TurnId, UserId,
};
pub use integer::{Integer, InvalidInteger, deserialize_integer, deserialize_optional_integer};
pub use message::reasoning::{
    MAX_REASONING_BYTES, REASONING_MARKS, Reasoning, append_reasoning, reasoning_millis,
};
pub use message::{Message, MessageAccepted, MessageStatus, NewMessage, Role, VersionedMessage};
pub use parameters::{
    BoundedNumber, InvalidParameter, ModelParameters, Penalty, Probability, ReasoningEffort,
    Temperature,
};
pub use problem::Problem;
pub use search::{SearchHit, SearchQuery, SnippetPart, TitleHit, is_pictograph, is_searchable};
pub use turn::{FinishReason, Ledger};
pub use users::{
    AccessMethod, Account, AccountGroups, AccountName, AccountRole, Actor, ApiKey, ApiKeyHash,
    ApiKeyName, ApiKeyScope, ApiKeyScopes, ApiKeySecret, AuditAction, AuditActionKind, AuditEntry,
    AuditHash, AuditLink, AuditReason, AuditResult, AuditSubject, Caller, ErasedCounts, Erasure,
    GroupName, GroupNames, GroupSource, Identity, IdentityKey, InvalidAccountName,
    InvalidApiKeyHash, InvalidApiKeyName, InvalidApiKeyScopes, InvalidApiKeySecret,
    InvalidAuditHash, InvalidAuditReason, InvalidGroupName, InvalidPassword, InvalidRequestId,
    KnownDevice, Network, NewAuditEntry, Password, PasswordHash, ProviderSession, RequestId,
    Session, SignIn, SignInFailure, TooManyGroupNames,
};

/// The target of `tracing` spans that exist only for traces. The log shows neither these spans nor their fields. No
/// module path may begin with this target.
pub const TRACE_TARGET: &str = "webchat::spans";

/// The target of the `tracing` events with the entries of the audit log. The log does not show them. No module path may
/// begin with this target.
pub const AUDIT_TARGET: &str = "webchat::audit_log";
