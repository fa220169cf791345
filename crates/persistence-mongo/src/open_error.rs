use std::fmt;

use mongodb::bson::Document;
use mongodb::error::{Error, ErrorKind};
use mongodb::options::ServerAddress;
use thiserror::Error;

use crate::error::code;

/// What MongoDB 6.0 calls itself on the wire.
const OLDEST_WIRE_VERSION: i32 = 17;

/// Why a database can't be used. No message shows the secret parts of the URI.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The URI can't be read.
    #[error(
        "the MongoDB URI can't be read: {0}; \
         it has the form mongodb://user:password@host:27017/database?replicaSet=rs0"
    )]
    InvalidUri(String),
    /// No primary answers.
    #[error("can't reach MongoDB at {place}: {cause}")]
    Unreachable {
        /// Which one: hosts and database.
        place: String,
        /// Why.
        cause: Box<ErrorKind>,
    },
    /// The user or the password is wrong, or the user has no right to the database.
    #[error("MongoDB at {place} refuses the URI's user, password or rights: {cause}")]
    AccessDenied {
        /// Which one: hosts and database.
        place: String,
        /// Why.
        cause: Box<ErrorKind>,
    },
    /// It has no transactions.
    #[error(
        "MongoDB at {0} is no member of a replica set, so it can't write several documents at once: \
         start mongod with --replSet rs0, and initiate the set once with rs.initiate()"
    )]
    NoReplicaSet(String),
    /// It is older than MongoDB 6.0.
    #[error("MongoDB at {0} is too old: 6.0 or newer is needed")]
    ServerTooOld(String),
    /// A newer Webchat wrote it.
    #[error(
        "{place} was written by a newer Webchat (its schema is {found}, this one knows {known}); \
         use that one or a backup"
    )]
    TooNew {
        /// Which one: hosts and database.
        place: String,
        /// The schema's version in the database.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The server refused something else.
    #[error("MongoDB at {place} refused: {cause}")]
    Refused {
        /// Which one: hosts and database.
        place: String,
        /// Why.
        cause: Box<ErrorKind>,
    },
}

/// Where a database is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    hosts: Vec<ServerAddress>,
    database: String,
}

impl Place {
    pub(crate) fn new(hosts: Vec<ServerAddress>, database: &str) -> Self {
        Self { hosts, database: database.to_owned() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self.hosts.iter().map(ToString::to_string).collect();
        write!(f, "{}/{}", hosts.join(","), self.database)
    }
}

impl OpenError {
    pub(crate) fn from_uri(uri: &str, error: Error) -> Self {
        let cause = error.kind;
        if matches!(*cause, ErrorKind::DnsResolve { .. }) {
            let hosts = uri.rsplit_once('@').or_else(|| uri.split_once("//"));
            let hosts = hosts.map_or("", |(_, hosts)| hosts).split(['/', '?']).next();
            return Self::Unreachable { place: hosts.unwrap_or_default().to_owned(), cause };
        }
        // The driver's words may quote a part of the URI, and that of the password.
        Self::InvalidUri(if uri.contains('@') {
            "are user and password percent-encoded, and the options rightly written?".to_owned()
        } else {
            cause.to_string()
        })
    }

    pub(crate) fn from_driver(error: Error, place: &Place) -> Self {
        let (place, cause) = (place.to_string(), error.kind);
        match *cause {
            ErrorKind::Authentication { .. } => Self::AccessDenied { place, cause },
            ErrorKind::ServerSelection { .. }
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::Io(_) => Self::Unreachable { place, cause },
            _ if matches!(code(&cause), Some(13 | 18)) => Self::AccessDenied { place, cause },
            _ => Self::Refused { place, cause },
        }
    }
}

/// Whether a server that answered `hello` so can be used.
pub(crate) fn check_server(hello: &Document, place: &Place) -> Result<(), OpenError> {
    if hello.get_i32("maxWireVersion").is_ok_and(|version| version < OLDEST_WIRE_VERSION) {
        return Err(OpenError::ServerTooOld(place.to_string()));
    }
    // The router of a sharded cluster calls itself "isdbgrid", and has transactions too.
    if hello.contains_key("setName") || hello.get_str("msg").is_ok_and(|name| name == "isdbgrid") {
        return Ok(());
    }
    Err(OpenError::NoReplicaSet(place.to_string()))
}
