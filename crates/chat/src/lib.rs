#![doc = include_str!("../README.md")]

mod accounts;
mod chat;
mod completions;
mod context;
mod conversations;
mod error;
mod events;
mod files;
mod formats;
mod metrics;
mod models;
mod ports;
mod runtime;
mod sessions;
mod settings;
#[cfg(test)]
mod testing;
mod trace;
mod transfer;
mod turns;

pub use accounts::api_keys::{ApiKeys, NewApiKey};
pub use accounts::audit::{Audit, AuditVerification};
pub use accounts::conversation_access::{AccessRequest, ConversationAccess};
pub use accounts::erasures::service::{ErasurePorts, Erasures};
pub use accounts::forbidden::Forbidden;
pub use accounts::ports::{AccountPorts, SessionLifetimes};
pub use accounts::providers::error::ProviderSignInError;
pub use accounts::providers::service::{IdentityProviders, ProviderResponse, SigningBrowser};
pub use accounts::providers::settings::{IdentityProvider, LegacyUsers, SingleSignOn};
pub use accounts::service::Accounts;
pub use accounts::sign_in_attempt::SignInAttempt;
pub use chat::Chat;
pub use completions::completion::{Completion, CompletionEnd, CompletionError, CompletionEvent};
pub use completions::request::CompletionRequest;
pub use completions::service::Completions;
pub use context::service::{Choice, ContextEdit, ContextView, Contexts};
pub use conversations::messages::MessagePage;
pub use conversations::saved_history::SavedHistoryName;
pub use conversations::search::{FoundConversation, SearchResults};
pub use conversations::service::Conversations;
pub use error::ChatError;
pub use events::list_feed::{ListChange, ListSubscription};
pub use events::service::Events;
pub use events::subscription::{Subscription, Update};
pub use files::service::{Files, Upload};
pub use formats::invalid_file::InvalidImportFile;
pub use formats::left_out::LeftOut;
pub use metrics::describe_metrics;
pub use models::registry::{Model, Models, NoModel};
pub use ports::Ports;
pub use runtime::limits::{
    CallerLimit, CallerPermit, ConcurrencyLimit, Maximum, PerUserLimit, Permit,
};
pub use runtime::log_limiter::{LogLimiter, SharedLogLimiter};
pub use runtime::reached_limits::{Limit, count_reached_limit};
pub use runtime::readiness::NotReady;
pub use runtime::storage_quota::StorageQuota;
pub use sessions::service::{SessionEnds, Sessions};
pub use sessions::user_settings::{UserSettingsService, UserSettingsView};
pub use settings::{DailyTokenLimits, FileSettings, Settings, StoredBytesLimits};
pub use transfer::copy::{CopyError, copy, copy_user_settings};
pub use transfer::copy_accounts::{AccountStore, copy_accounts};
pub use transfer::copy_audit::copy_audit_log;
pub use transfer::copy_erasures::copy_erasures;
pub use transfer::export::{
    ExportFormat, ExportStream, ExportedFile, export_all_users, export_user,
};
pub use transfer::import::{ImportOwner, ImportProgress, import};
pub use transfer::import_jobs::{ImportState, ImportStatus, ImportUpload, PreparedImport};
pub use transfer::import_target::{ImportError, ImportTarget};
pub use transfer::service::Transfer;
pub use turns::progress::{TurnProgress, TurnResult};
pub use turns::send::SendMessage;
pub use turns::service::Turns;
pub use turns::start_turn_outcome::StartTurnOutcome;
pub use webchat_llm::{BreakerState, ChatMessage, ChatRole, DeploymentFailure, DeploymentState};
pub use webchat_oidc::SignInSecrets;
pub use webchat_persistence::{
    AccountFilter, ArchiveFilter, AuditFilter, Cursor, Edit, GaugeGuard, Group, InvalidCursor,
    Page, SavedFile, StoredSession,
};
