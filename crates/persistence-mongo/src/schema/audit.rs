//! The collection of the audit log.

use mongodb::bson::{Document, doc};
use webchat_domain::{AccessMethod, AuditActionKind, AuditResult};
use webchat_persistence::rules::StoredName;

use super::collection::CollectionDefinition;

/// The entries of the audit log.
pub(crate) const AUDIT_ENTRIES: &str = "audit_entries";

/// The `_id` of the document in `meta` with both ends of the chain of hashes. Every new entry changes it.
pub(crate) const AUDIT_CHAIN_ID: &str = "audit_chain";

pub(super) fn collection() -> CollectionDefinition {
    CollectionDefinition {
        name: AUDIT_ENTRIES,
        validator: validator(),
        indexes: vec![
            doc! { "name": "number_idx", "key": { "number": 1 }, "unique": true },
            doc! { "name": "actor_idx", "key": { "actor_name": 1, "number": -1 } },
            doc! { "name": "subject_idx", "key": { "subject_name": 1, "number": -1 } },
            doc! { "name": "action_idx", "key": { "action": 1, "number": -1 } },
            doc! { "name": "at_idx", "key": { "at": 1 } },
        ],
    }
}

fn validator() -> Document {
    let text = || doc! { "bsonType": "string" };
    let optional_text = || doc! { "bsonType": ["string", "null"] };
    doc! { "$jsonSchema": {
        "bsonType": "object",
        "required": ["number", "at", "action", "result", "via", "previous_hash", "hash"],
        "properties": {
            "number": { "bsonType": "long", "minimum": 1 },
            "at": { "bsonType": "date" },
            "action": { "enum": AuditActionKind::stored_names() },
            "details": optional_text(),
            "result": { "enum": AuditResult::stored_names() },
            "actor_id": optional_text(),
            "actor_name": optional_text(),
            "via": { "enum": AccessMethod::stored_names() },
            "address": optional_text(),
            "request_id": optional_text(),
            "subject_id": optional_text(),
            "subject_name": optional_text(),
            "previous_hash": text(),
            "hash": text(),
        },
    } }
}
