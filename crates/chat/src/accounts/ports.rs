//! What the services of accounts are built on.

use std::sync::Arc;
use std::time::Duration;

use webchat_domain::Clock;
use webchat_persistence::{Accounts, ApiKeys, AuditLog, Identities, Sessions, Signals};

/// How long the sessions of users last.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionLifetimes {
    /// After the last use.
    pub idle: Duration,
    /// After the sign-in, even if the session is used.
    pub signed_in: Duration,
}

/// The ports of accounts.
#[derive(Clone)]
#[expect(missing_docs, reason = "the ports have the documentation")]
pub struct AccountPorts {
    pub accounts: Arc<dyn Accounts>,
    pub api_keys: Arc<dyn ApiKeys>,
    pub audit: Arc<dyn AuditLog>,
    pub identities: Arc<dyn Identities>,
    pub sessions: Arc<dyn Sessions>,
    pub signals: Arc<dyn Signals>,
    pub clock: Arc<dyn Clock>,
}
