//! Why the server can't start, or why it stopped.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;
use webchat_llm::SetupError;
use webchat_persistence::StoreError;

use crate::secret::SecretError;

/// Why the server can't start, or why it stopped.
#[derive(Debug, Error)]
pub enum StartError {
    /// The address is in use or not available.
    #[error("can't listen on {address}: {cause}; {advice}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        cause: io::Error,
        /// What to do about it.
        advice: &'static str,
    },
    /// There is no page to serve.
    #[error(transparent)]
    WebClient(#[from] webchat_transport::WebClientError),
    /// The database file can't be opened.
    #[error(transparent)]
    Sqlite(#[from] webchat_persistence_sqlite::OpenError),
    /// MongoDB can't be used.
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
    Migrate(#[from] webchat_persistence_mongo::FlaskError),
    /// Redis can't be used.
    #[error(transparent)]
    Redis(#[from] webchat_persistence_redis::OpenError),
    /// The secret key can't be loaded or created.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The settings of the model are invalid.
    #[error(transparent)]
    Model(#[from] SetupError),
    /// The server failed.
    #[error("can't serve: {0}")]
    Serve(#[from] io::Error),
}
