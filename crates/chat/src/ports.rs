//! The ports of the use cases: stores, turn log, signals, model, clock.

use std::sync::Arc;

use webchat_domain::Clock;
use webchat_persistence::{
    Accounts, ApiKeys, AuditLog, Contexts, ConversationTransfer, Conversations, Erasures, FileJobs,
    Identities, Probe, SavedFiles, Sessions, Signals, TokenBudgets, TurnLog, UserActivity,
    UserSettingsStore,
};

use crate::accounts::providers::settings::SingleSignOn;
use crate::models::registry::Models;

/// The ports of the use cases.
#[derive(Clone)]
pub struct Ports {
    /// Stores conversations and their messages.
    pub conversations: Arc<dyn Conversations>,
    /// Stores system prompts, parameters, examples and summaries of conversations.
    pub contexts: Arc<dyn Contexts>,
    /// Reads and writes complete conversations, for export and import.
    pub transfer: Arc<dyn ConversationTransfer>,
    /// Stores files during their analysis.
    pub file_jobs: Arc<dyn FileJobs>,
    /// Stores the users who can sign in.
    pub accounts: Arc<dyn Accounts>,
    /// Stores the keys with which programs act on behalf of users.
    pub api_keys: Arc<dyn ApiKeys>,
    /// Stores the audit log.
    pub audit: Arc<dyn AuditLog>,
    /// Stores the identities with which users sign in.
    pub identities: Arc<dyn Identities>,
    /// Erases users, and stores the receipts.
    pub erasures: Arc<dyn Erasures>,
    /// Stores sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Counts the tokens of each day.
    pub token_budgets: Arc<dyn TokenBudgets>,
    /// Stores when users were last active.
    pub user_activity: Arc<dyn UserActivity>,
    /// Stores the settings of users.
    pub user_settings: Arc<dyn UserSettingsStore>,
    /// Stores the conversations that users saved as files.
    pub saved_files: Arc<dyn SavedFiles>,
    /// Publishes events and keeps them for replay.
    pub log: Arc<dyn TurnLog>,
    /// Sends signals to all instances.
    pub signals: Arc<dyn Signals>,
    /// The checks that must pass for the server to be ready.
    pub probes: Vec<Arc<dyn Probe>>,
    /// The models that generate the answers.
    pub models: Models,
    /// The identity providers, with which users sign in.
    pub single_sign_on: SingleSignOn,
    /// The source of the current time.
    pub clock: Arc<dyn Clock>,
}
