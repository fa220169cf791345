//! The collection of erasures.

use mongodb::bson::{Document, doc};

use super::collection::CollectionDefinition;

/// The erasures of users, which are kept as receipts.
pub(crate) const ERASURES: &str = "erasures";

pub(super) fn collection() -> CollectionDefinition {
    CollectionDefinition {
        name: ERASURES,
        validator: validator(),
        indexes: vec![
            doc! { "name": "erasure_idx", "key": { "erasure_id": 1 }, "unique": true },
            doc! { "name": "user_idx", "key": { "user_id": 1 } },
            // Incomplete ones are found by their missing date.
            doc! { "name": "completed_at_idx", "key": { "completed_at": 1, "erasure_id": 1 } },
        ],
    }
}

fn validator() -> Document {
    doc! { "$jsonSchema": {
        "bsonType": "object",
        "required": ["erasure_id", "user_id", "requested_at"],
        "properties": {
            "erasure_id": { "bsonType": "string" },
            "user_id": { "bsonType": "string" },
            "requested_at": { "bsonType": "date" },
            "completed_at": { "bsonType": ["date", "null"] },
            "counts": { "bsonType": ["object", "null"] },
            "lease_until": { "bsonType": ["date", "null"] },
        },
    } }
}
