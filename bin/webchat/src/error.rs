//! The errors of starting and running the server.

use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;

use thiserror::Error;
use webchat_llm::SetupError;
use webchat_persistence::StoreError;

use crate::secret::SecretError;

/// An error that keeps the server from starting, or that stops it.
#[derive(Debug, Error)]
pub enum StartError {
    /// The address is in use or not available.
    #[error("can't listen on {address}: {cause}; {advice}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        cause: io::Error,
        /// A hint for solving the problem.
        advice: &'static str,
    },
    /// The page in `WEB_DIR` or in the binary is missing or incomplete.
    #[error(transparent)]
    WebClient(#[from] webchat_transport::WebClientError),
    /// The database file can't be opened.
    #[error(transparent)]
    Sqlite(#[from] webchat_persistence_sqlite::OpenError),
    /// MongoDB can't be connected to or prepared.
    #[error(transparent)]
    Mongo(#[from] webchat_persistence_mongo::OpenError),
    /// A store failed.
    #[error("store failed: {0}")]
    Store(#[from] StoreError),
    /// There are conversations in the format of the Flask application, Webchat's predecessor.
    #[error(
        "{pending} conversations of the Flask application in {location} must be migrated: make a backup and \
         run `webchat init-db`, or set MIGRATE=on to migrate them at startup"
    )]
    MigrationPending {
        /// Host and database.
        location: String,
        /// The number of conversations.
        pending: u64,
    },
    /// The conversations could not be migrated.
    #[error(transparent)]
    Migrate(#[from] webchat_persistence_mongo::MigrationError),
    /// Redis can't be connected to.
    #[error(transparent)]
    Redis(#[from] webchat_persistence_redis::OpenError),
    /// The secret key can't be loaded or created.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The settings of the model are invalid.
    #[error(transparent)]
    Model(#[from] SetupError),
    /// There is no model.
    #[error(transparent)]
    NoModel(#[from] webchat_chat::NoModel),
    /// The address of an identity provider, or the one to which it sends browsers back, is invalid.
    #[error("the identity provider {id} can't be used: check OIDC_ISSUER and PUBLIC_URL")]
    IdentityProvider {
        /// The id of the provider.
        id: String,
    },
    /// The server failed.
    #[error("the server failed: {0}")]
    Serve(#[from] io::Error),
}

/// Returns the error's message, with advice for the operator if a known error of MongoDB caused it.
#[must_use]
pub fn message_with_advice(error: &(dyn StdError + 'static)) -> String {
    let text = error.to_string();
    match webchat_persistence_mongo::explanation(error) {
        Some(advice) if !text.contains(&advice) => format!("{text}: {advice}"),
        _ => text,
    }
}
