//! What a client sends to sign in.

use webchat_domain::{Actor, KnownDevice, Network, Password, Session};

/// An attempt to sign in.
#[derive(Clone, Debug)]
pub struct SignInAttempt {
    /// The name, as it was entered.
    pub name: String,
    /// The password.
    pub password: Password,
    /// The network of the client.
    pub network: Network,
    /// The device, if any user has signed in on it before.
    pub device: Option<KnownDevice>,
    /// The browser and system of the client, for the list of sessions; empty if unknown.
    pub user_agent: String,
    /// The anonymous session of the browser, if its conversations should become those of the account at the first
    /// sign-in.
    pub adopted: Option<Session>,
    /// Who makes the attempt, for the audit log.
    pub actor: Actor,
}
