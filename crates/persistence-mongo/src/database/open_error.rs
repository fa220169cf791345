//! The errors of opening a database.

use std::{fmt, io};

use mongodb::bson::Document;
use mongodb::error::{Error, ErrorKind};
use mongodb::options::ServerAddress;
use thiserror::Error;

use super::explanation::explain;
use super::uri_problem::{hosts, uri_problem};
use crate::error::code;
use crate::schema::SchemaChange;

/// The wire version of MongoDB 6.0.
const MIN_WIRE_VERSION: i32 = 17;

/// The reason why a database can't be opened. No message contains the secret parts of the URI.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The URI can't be parsed.
    #[error(
        "invalid MongoDB URI: {0}; \
         the expected format is mongodb://user:password@host:27017/database?replicaSet=rs0"
    )]
    InvalidUri(&'static str),
    /// No primary responds.
    #[error("failed to reach MongoDB at {location}: {}", explain(cause))]
    Unreachable {
        /// The hosts and the database.
        location: String,
        /// The driver's error.
        cause: Box<ErrorKind>,
    },
    /// The user or the password is wrong, or the user lacks permissions for the database.
    #[error(
        "MongoDB at {location} rejected the URI's user, password or permissions: {}",
        explain(cause)
    )]
    AccessDenied {
        /// The hosts and the database.
        location: String,
        /// The driver's error.
        cause: Box<ErrorKind>,
    },
    /// The server has no transactions.
    #[error(
        "MongoDB at {0} is not a member of a replica set, so it has no transactions: \
         start mongod with --replSet rs0, and initiate the set once with rs.initiate()"
    )]
    NoReplicaSet(String),
    /// The server is older than MongoDB 6.0.
    #[error("MongoDB at {0} is too old: version 6.0 or newer is required")]
    ServerTooOld(String),
    /// A newer version of Webchat has prepared the database.
    #[error(
        "{location} was prepared by a newer version of Webchat (its schema version is {found}, this \
         program supports up to {known}); use that version or restore a backup"
    )]
    TooNew {
        /// The hosts and the database.
        location: String,
        /// The schema's version in the database.
        found: i64,
        /// The newest version that this program supports.
        known: i64,
    },
    /// A collection that Webchat uses is of a kind in which documents can't be changed in transactions.
    #[error(
        "{collection} in {location} is {kind}, in which Webchat can't change conversations. Make a backup, then \
         replace it in MongoDB's shell: db.{collection}.aggregate([{{ $out: \"{collection}_copy\" }}]); \
         db.{collection}.drop(); db.{collection}_copy.renameCollection(\"{collection}\")"
    )]
    UnusableCollection {
        /// The hosts and the database.
        location: String,
        /// The name of the collection.
        collection: &'static str,
        /// Its kind, such as a view.
        kind: &'static str,
    },
    /// A collection that Webchat uses has documents of another application.
    #[error(
        "the collection {collection} in {location} contains documents of another application; use another database: \
         MONGODB_URI contains its name after the host"
    )]
    ForeignCollection {
        /// The hosts and the database.
        location: String,
        /// The name of the collection.
        collection: &'static str,
    },
    /// The user lacks some of the required rights.
    #[error(
        "the user in the URI of MongoDB at {location} lacks the rights {rights}; grant the roles readWrite and dbAdmin \
         for the database"
    )]
    MissingRights {
        /// The hosts and the database.
        location: String,
        /// The actions that the user may not perform, by the server's names.
        rights: String,
    },
    /// The server rejected a command for another reason.
    #[error("MongoDB at {location} can't be prepared: {failed}{}", explain(cause))]
    Rejected {
        /// The hosts and the database.
        location: String,
        /// The change that failed, followed by a colon, or nothing.
        failed: String,
        /// The driver's error.
        cause: Box<ErrorKind>,
    },
}

/// The hosts and the name of a database.
#[derive(Clone, Debug)]
pub(crate) struct ServerLocation {
    hosts: Vec<ServerAddress>,
    database: String,
}

impl ServerLocation {
    pub(crate) fn new(hosts: Vec<ServerAddress>, database: &str) -> Self {
        Self { hosts, database: database.to_owned() }
    }
}

impl fmt::Display for ServerLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self.hosts.iter().map(ToString::to_string).collect();
        write!(f, "{}/{}", hosts.join(","), self.database)
    }
}

impl OpenError {
    pub(crate) fn from_uri(uri: &str, error: Error) -> Self {
        let cause = error.kind;
        if matches!(*cause, ErrorKind::DnsResolve { .. }) {
            return Self::Unreachable { location: hosts(uri).to_owned(), cause };
        }
        if matches!(*cause, ErrorKind::InvalidTlsConfig { .. } | ErrorKind::Io(_)) {
            return Self::InvalidUri(
                "the files of tlsCAFile and tlsCertificateKeyFile can't be read, or contain no certificate",
            );
        }
        Self::InvalidUri(uri_problem(uri))
    }

    /// Returns the error of a URI whose host names can't be resolved in time.
    pub(super) fn name_resolution_timeout(uri: &str) -> Self {
        let cause = Error::from(io::ErrorKind::TimedOut).kind;
        Self::Unreachable { location: hosts(uri).to_owned(), cause }
    }

    pub(crate) fn from_driver(error: Error, location: &ServerLocation) -> Self {
        let (location, cause) = (location.to_string(), error.kind);
        match *cause {
            ErrorKind::Authentication { .. } => Self::AccessDenied { location, cause },
            ErrorKind::ServerSelection { .. }
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::Io(_) => Self::Unreachable { location, cause },
            _ if matches!(code(&cause), Some(13 | 18)) => Self::AccessDenied { location, cause },
            _ => Self::Rejected { location, failed: String::new(), cause },
        }
    }

    /// Adds the change that failed.
    pub(crate) fn with_change(self, change: &SchemaChange) -> Self {
        match self {
            Self::Rejected { location, cause, .. } => {
                Self::Rejected { location, failed: format!("failed to {change}: "), cause }
            }
            other => other,
        }
    }
}

/// Checks whether the server with this `hello` response can be used.
pub(crate) fn check_server(hello: &Document, location: &ServerLocation) -> Result<(), OpenError> {
    if hello.get_i32("maxWireVersion").is_ok_and(|version| version < MIN_WIRE_VERSION) {
        return Err(OpenError::ServerTooOld(location.to_string()));
    }
    // The router of a sharded cluster calls itself "isdbgrid", and has transactions too.
    if hello.contains_key("setName") || hello.get_str("msg").is_ok_and(|name| name == "isdbgrid") {
        return Ok(());
    }
    Err(OpenError::NoReplicaSet(location.to_string()))
}
