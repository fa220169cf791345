//! The changes that update the schema of a database.

use std::fmt;

/// A change that updates the schema of a database. Its `Display` text is for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaChange {
    /// Create a collection with its validator.
    CreateCollection(&'static str),
    /// Replace the validator of a collection.
    SetValidator(&'static str),
    /// Build an index.
    CreateIndex {
        /// The collection.
        collection: &'static str,
        /// The name of the index.
        index: String,
    },
    /// Drop an index that conflicts with an index of Webchat: it has the same name or the same keys.
    DropIndex {
        /// The collection.
        collection: &'static str,
        /// The name of the index.
        index: String,
    },
    /// Record the schema's version.
    RecordVersion(i64),
}

impl fmt::Display for SchemaChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateCollection(name) => write!(f, "create the collection {name}"),
            Self::SetValidator(name) => write!(f, "set the validator of {name}"),
            Self::CreateIndex { collection, index } => {
                write!(f, "create the index {index} of {collection}")
            }
            Self::DropIndex { collection, index } => {
                write!(
                    f,
                    "drop the index {index} of {collection}, which conflicts with another one"
                )
            }
            Self::RecordVersion(version) => write!(f, "record the schema version {version}"),
        }
    }
}
