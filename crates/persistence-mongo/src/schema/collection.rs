//! The desired state of a collection.

use mongodb::bson::Document;

/// The desired state of a collection.
pub(super) struct CollectionDefinition {
    pub(super) name: &'static str,
    pub(super) validator: Document,
    /// The indexes in the format in which the server lists them, without the field `v`.
    pub(super) indexes: Vec<Document>,
}
