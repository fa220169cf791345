//! Why somebody who is known may not do something.

use thiserror::Error;
use webchat_domain::ApiKeyScope;

/// Why somebody who is known may not do something.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Forbidden {
    /// The API key does not allow the request.
    #[error("This API key does not allow this: it needs the scope \"{scope}\".")]
    MissingScope {
        /// The scope that the key would need.
        scope: ApiKeyScope,
    },
    /// Only a user who is signed in may do this, and no program with an API key.
    #[error("This is not possible with an API key. Please sign in.")]
    SignInNeeded,
    /// Only administrators may do this.
    #[error("Only administrators may do this.")]
    AdminNeeded,
    /// Only administrators and auditors may do this.
    #[error("Only administrators and auditors may do this.")]
    AuditorNeeded,
    /// A key with the scope `admin` must belong to an administrator.
    #[error("Only administrators can have keys with the scope \"admin\".")]
    AdminKey,
    /// The operator does not let administrators and auditors read conversations.
    #[error(
        "Nobody can read the conversations of others on this server, unless its operator sets \
         ADMIN_CONVERSATION_ACCESS."
    )]
    ConversationAccess,
}
