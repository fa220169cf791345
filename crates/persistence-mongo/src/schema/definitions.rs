//! The collections that the database should have, with their validators and indexes.

use mongodb::bson::{Document, doc};
use webchat_domain::{JobStatus, MessageStatus, Role};
use webchat_persistence::rules::StoredName;

use super::accounts;
use super::audit;
use super::collection::CollectionDefinition;
use super::erasures;

pub(crate) const CONVERSATIONS: &str = "conversations";
/// The documents of the Flask application before their migration.
pub(crate) const BACKUP: &str = "conversations_flask_backup";
pub(crate) const MESSAGES: &str = "messages";
/// Invisible messages that still have to be deleted.
pub(crate) const REMOVALS: &str = "removals";

/// The jobs that analyse files.
pub(crate) const FILE_JOBS: &str = "file_jobs";
/// The texts of files.
pub(crate) const FILE_TEXTS: &str = "file_texts";
/// The analyses of the parts of files whose jobs are running or have failed.
pub(crate) const FILE_ANALYSES: &str = "file_analyses";

/// The tokens of each day: per user, per client network and in total.
pub(crate) const DAILY_TOKENS: &str = "daily_tokens";

/// The last activity of each user.
pub(crate) const USERS: &str = "users";

/// Documents about the database itself: the schema version, the lock of a migration, and the readiness probe.
pub(crate) const META: &str = "meta";
/// The `_id` of the document that the readiness probe writes.
pub(crate) const READINESS_ID: &str = "readiness";
/// The `_id` of the document that every removal of an administrator changes.
pub(crate) const ADMINS_ID: &str = "admins";
/// The `_id` of the document with the schema version.
pub(super) const VERSION_ID: &str = "schema";

pub(super) fn collections() -> Vec<CollectionDefinition> {
    let collections = [
        CollectionDefinition {
            name: CONVERSATIONS,
            validator: conversations_validator(),
            indexes: conversations_indexes(),
        },
        CollectionDefinition {
            name: MESSAGES,
            validator: messages_validator(),
            indexes: messages_indexes(),
        },
        CollectionDefinition {
            name: REMOVALS,
            validator: removals_validator(),
            indexes: vec![doc! { "name": "conversation_idx", "key": { "conversation_id": 1 } }],
        },
        CollectionDefinition {
            name: FILE_JOBS,
            validator: file_jobs_validator(),
            indexes: file_jobs_indexes(),
        },
        CollectionDefinition {
            name: FILE_TEXTS,
            validator: file_texts_validator(),
            indexes: vec![
                doc! { "name": "job_idx", "key": { "job_id": 1 }, "unique": true },
                doc! { "name": "conversation_idx", "key": { "conversation_id": 1 } },
            ],
        },
        CollectionDefinition {
            name: FILE_ANALYSES,
            validator: file_analyses_validator(),
            indexes: vec![
                doc! { "name": "job_part_idx", "key": { "job_id": 1, "part": 1 }, "unique": true },
                doc! { "name": "conversation_idx", "key": { "conversation_id": 1 } },
            ],
        },
        CollectionDefinition {
            name: DAILY_TOKENS,
            validator: daily_tokens_validator(),
            indexes: vec![doc! {
                "name": "day_scope_key_idx",
                "key": { "day": 1, "scope": 1, "key": 1 },
                "unique": true,
            }],
        },
        CollectionDefinition {
            name: USERS,
            validator: users_validator(),
            indexes: vec![
                doc! { "name": "user_idx", "key": { "user_id": 1 }, "unique": true },
                doc! { "name": "active_at_idx", "key": { "active_at": 1 } },
            ],
        },
    ];
    let others = [audit::collection(), erasures::collection()];
    collections.into_iter().chain(accounts::collections()).chain(others).collect()
}

/// Requires only fields that the Flask application also required: the collection contains its documents until they are
/// migrated.
fn conversations_validator() -> Document {
    doc! { "$jsonSchema": {
        "bsonType": "object",
        "required": ["conversation_id", "user_id", "created_at", "updated_at"],
        "properties": {
            "conversation_id": { "bsonType": "string" },
            "user_id": { "bsonType": "string" },
            "created_at": { "bsonType": "date" },
            "updated_at": { "bsonType": "date" },
            "title": { "bsonType": ["string", "null"] },
            "head": { "bsonType": ["string", "null"] },
            "message_count": { "bsonType": "long", "minimum": 0 },
            "last_position": { "bsonType": "long", "minimum": 0 },
            "emptied_through": { "bsonType": "long", "minimum": 0 },
            "total_tokens": { "bsonType": "long", "minimum": 0 },
            "archived": { "enum": [true] },
            "running_turn": { "bsonType": ["string", "null"] },
            "lease_until": { "bsonType": ["date", "null"] },
            "compacting_until": { "bsonType": ["date", "null"] },
            "context": { "bsonType": "object" },
            "context_revision": { "bsonType": "long", "minimum": 0 },
            "schema": { "bsonType": "long" },
        },
    } }
}

fn messages_validator() -> Document {
    doc! { "$jsonSchema": {
        "bsonType": "object",
        "required": [
            "message_id", "conversation_id", "user_id", "position", "role", "content",
            "token_count", "status", "created_at", "active",
        ],
        "properties": {
            "message_id": { "bsonType": "string" },
            "conversation_id": { "bsonType": "string" },
            "user_id": { "bsonType": "string" },
            "position": { "bsonType": "long", "minimum": 1 },
            "parent_id": { "bsonType": ["string", "null"] },
            "turn_id": { "bsonType": "string" },
            "client_message_id": { "bsonType": "string" },
            "role": { "enum": Role::stored_names() },
            "content": { "bsonType": "string" },
            "reasoning": { "bsonType": ["object", "null"] },
            "search_terms": { "bsonType": "array", "items": { "bsonType": "string" } },
            "token_count": { "bsonType": "long", "minimum": 0 },
            "status": { "enum": MessageStatus::stored_names() },
            "error": { "bsonType": ["object", "null"] },
            "created_at": { "bsonType": "date" },
            "ended_at": { "bsonType": ["date", "null"] },
            "model": { "bsonType": ["string", "null"] },
            "active": { "bsonType": "bool" },
        },
    } }
}

fn removals_validator() -> Document {
    doc! { "$jsonSchema": {
        "bsonType": "object",
        "required": ["conversation_id", "user_id", "through"],
        "properties": {
            "conversation_id": { "bsonType": "string" },
            "user_id": { "bsonType": "string" },
            "through": { "bsonType": "long", "minimum": 0 },
        },
    } }
}

fn daily_tokens_validator() -> Document {
    doc! { "$jsonSchema": {
        "bsonType": "object",
        "required": ["day", "scope", "key", "tokens"],
        "properties": {
            "day": { "bsonType": "long" },
            "scope": { "enum": ["user", "address", "server"] },
            "key": { "bsonType": "string" },
            "tokens": { "bsonType": "long", "minimum": 0 },
        },
    } }
}

fn users_validator() -> Document {
    doc! { "$jsonSchema": {
        "bsonType": "object",
        "required": ["user_id", "active_at"],
        "properties": {
            "user_id": { "bsonType": "string" },
            "active_at": { "bsonType": "date" },
            "settings": { "bsonType": "object" },
        },
    } }
}

fn file_jobs_validator() -> Document {
    doc! { "$jsonSchema": {
        "bsonType": "object",
        "required": [
            "job_id", "conversation_id", "user_id", "file_name", "size_bytes", "token_count",
            "status", "done", "parts", "created_at",
        ],
        "properties": {
            "job_id": { "bsonType": "string" },
            "conversation_id": { "bsonType": "string" },
            "user_id": { "bsonType": "string" },
            "file_name": { "bsonType": "string" },
            "size_bytes": { "bsonType": "long", "minimum": 0 },
            "token_count": { "bsonType": "long", "minimum": 0 },
            "status": { "enum": JobStatus::stored_names() },
            "done": { "bsonType": "long", "minimum": 0 },
            "parts": { "bsonType": "long", "minimum": 0 },
            "error": { "bsonType": ["object", "null"] },
            "created_at": { "bsonType": "date" },
            "message_id": { "bsonType": ["string", "null"] },
            "question_id": { "bsonType": ["string", "null"] },
            "instructions": { "bsonType": ["string", "null"] },
            "run_id": { "bsonType": ["string", "null"] },
            "lease_until": { "bsonType": ["date", "null"] },
        },
    } }
}

fn file_texts_validator() -> Document {
    doc! { "$jsonSchema": {
        "bsonType": "object",
        "required": ["job_id", "conversation_id", "content", "part_ends"],
        "properties": {
            "job_id": { "bsonType": "string" },
            "conversation_id": { "bsonType": "string" },
            "content": { "bsonType": "string" },
            "part_ends": { "bsonType": "array", "items": { "bsonType": "long" } },
        },
    } }
}

fn file_analyses_validator() -> Document {
    doc! { "$jsonSchema": {
        "bsonType": "object",
        "required": ["job_id", "conversation_id", "part", "content"],
        "properties": {
            "job_id": { "bsonType": "string" },
            "conversation_id": { "bsonType": "string" },
            "part": { "bsonType": "long", "minimum": 0 },
            "content": { "bsonType": "string" },
        },
    } }
}

fn file_jobs_indexes() -> Vec<Document> {
    vec![
        doc! { "name": "job_idx", "key": { "job_id": 1 }, "unique": true },
        doc! {
            "name": "conversation_idx",
            "key": { "conversation_id": 1, "created_at": -1, "job_id": -1 },
        },
        doc! { "name": "user_idx", "key": { "user_id": 1, "status": 1, "created_at": -1 } },
        doc! {
            "name": "running_idx",
            "key": { "created_at": 1 },
            "partialFilterExpression": { "status": "running" },
        },
    ]
}

fn conversations_indexes() -> Vec<Document> {
    vec![
        // The Flask application creates this index and `created_at_idx`, and fails to start if an index has the same
        // name but other keys. It must be able to start again after a rollback.
        doc! {
            "name": "conversation_user_idx",
            "key": { "conversation_id": 1, "user_id": 1 },
            "unique": true,
        },
        doc! { "name": "created_at_idx", "key": { "created_at": -1 } },
        // Messages are found by their conversation id alone, so no two conversations may have the same id, even if they
        // belong to different users.
        doc! {
            "name": "conversation_idx",
            "key": { "conversation_id": 1 },
            "unique": true,
            "partialFilterExpression": { "schema": { "$exists": true } },
        },
        doc! {
            "name": "user_created_at_idx",
            "key": { "user_id": 1, "created_at": -1, "conversation_id": -1 },
        },
        doc! {
            "name": "user_archived_updated_at_idx",
            "key": { "user_id": 1, "archived": 1, "updated_at": -1, "conversation_id": -1 },
        },
        doc! {
            "name": "lease_until_idx",
            "key": { "lease_until": 1 },
            "partialFilterExpression": { "running_turn": { "$type": "string" } },
        },
    ]
}

fn messages_indexes() -> Vec<Document> {
    vec![
        doc! { "name": "message_idx", "key": { "message_id": 1 }, "unique": true },
        doc! {
            "name": "conversation_position_idx",
            "key": { "conversation_id": 1, "position": 1 },
            "unique": true,
        },
        doc! {
            "name": "conversation_visible_idx",
            "key": { "conversation_id": 1, "active": 1, "position": 1 },
        },
        // Finds the children of a message, which are versions of the next message.
        doc! {
            "name": "conversation_parent_idx",
            "key": { "conversation_id": 1, "parent_id": 1, "position": 1 },
        },
        doc! {
            "name": "client_message_idx",
            "key": { "conversation_id": 1, "client_message_id": 1 },
            "unique": true,
            "partialFilterExpression": { "client_message_id": { "$exists": true } },
        },
        doc! {
            "name": "turn_idx",
            "key": { "turn_id": 1 },
            "partialFilterExpression": { "turn_id": { "$exists": true } },
        },
        doc! { "name": "user_search_terms_idx", "key": { "user_id": 1, "search_terms": 1 } },
    ]
}
