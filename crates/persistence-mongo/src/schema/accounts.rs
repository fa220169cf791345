//! The collections of accounts and their API keys.

use mongodb::bson::{Document, doc};
use webchat_domain::AccountRole;
use webchat_persistence::rules::StoredName;

use super::collection::CollectionDefinition;

/// The users who can sign in.
pub(crate) const ACCOUNTS: &str = "accounts";

/// The keys with which programs act on behalf of a user.
pub(crate) const API_KEYS: &str = "api_keys";

/// The users of identity providers, who sign in to an account.
pub(crate) const IDENTITIES: &str = "identities";

pub(super) fn collections() -> [CollectionDefinition; 3] {
    [
        CollectionDefinition {
            name: ACCOUNTS,
            validator: accounts_validator(),
            indexes: accounts_indexes(),
        },
        CollectionDefinition {
            name: IDENTITIES,
            validator: identities_validator(),
            indexes: vec![
                doc! { "name": "key_idx", "key": { "issuer": 1, "subject": 1 }, "unique": true },
                doc! { "name": "user_idx", "key": { "user_id": 1, "issuer": 1 }, "unique": true },
            ],
        },
        CollectionDefinition {
            name: API_KEYS,
            validator: api_keys_validator(),
            indexes: vec![
                doc! { "name": "key_idx", "key": { "key_id": 1 }, "unique": true },
                doc! { "name": "hash_idx", "key": { "hash": 1 }, "unique": true },
                doc! { "name": "user_idx", "key": { "user_id": 1, "key_id": -1 } },
            ],
        },
    ]
}

fn accounts_indexes() -> Vec<Document> {
    vec![
        doc! { "name": "user_idx", "key": { "user_id": 1 }, "unique": true },
        doc! { "name": "name_idx", "key": { "name": 1 }, "unique": true },
        doc! { "name": "role_idx", "key": { "role": 1, "name": 1 } },
        doc! { "name": "group_idx", "key": { "groups": 1, "name": 1 } },
        doc! {
            "name": "disabled_idx",
            "key": { "name": 1 },
            "partialFilterExpression": { "disabled_at": { "$type": "date" } },
        },
        doc! {
            "name": "admin_idx",
            "key": { "role": 1 },
            "partialFilterExpression": { "role": "admin" },
        },
    ]
}

fn accounts_validator() -> Document {
    doc! { "$jsonSchema": {
        "bsonType": "object",
        "required": ["user_id", "name", "role", "must_change_password", "version", "created_at"],
        "properties": {
            "user_id": { "bsonType": "string" },
            "name": { "bsonType": "string" },
            "role": { "enum": AccountRole::stored_names() },
            "groups": { "bsonType": "array", "items": { "bsonType": "string" } },
            "group_sources": { "bsonType": "array", "items": {
                "bsonType": "object",
                "required": ["source", "names"],
                "properties": {
                    "source": { "bsonType": "string" },
                    "names": { "bsonType": "array", "items": { "bsonType": "string" } },
                },
            } },
            "password": { "bsonType": ["string", "null"] },
            "must_change_password": { "bsonType": "bool" },
            "version": { "bsonType": ["int", "long"] },
            "created_at": { "bsonType": "date" },
            "disabled_at": { "bsonType": ["date", "null"] },
            "signed_in_at": { "bsonType": ["date", "null"] },
            "has_had_key": { "bsonType": "bool" },
        },
    } }
}

fn identities_validator() -> Document {
    doc! { "$jsonSchema": {
        "bsonType": "object",
        "required": ["issuer", "subject", "user_id", "created_at"],
        "properties": {
            "issuer": { "bsonType": "string" },
            "subject": { "bsonType": "string" },
            "user_id": { "bsonType": "string" },
            "granted_role": { "enum": stored_names_or_null() },
            "created_at": { "bsonType": "date" },
        },
    } }
}

fn stored_names_or_null() -> Vec<Option<&'static str>> {
    AccountRole::stored_names().into_iter().map(Some).chain([None]).collect()
}

fn api_keys_validator() -> Document {
    doc! { "$jsonSchema": {
        "bsonType": "object",
        "required": ["key_id", "user_id", "name", "hash", "scopes", "created_at"],
        "properties": {
            "key_id": { "bsonType": "string" },
            "user_id": { "bsonType": "string" },
            "name": { "bsonType": "string" },
            "hash": { "bsonType": "string" },
            "scopes": { "bsonType": "array", "items": { "bsonType": "string" } },
            "created_at": { "bsonType": "date" },
            "expires_at": { "bsonType": ["date", "null"] },
            "last_used_at": { "bsonType": ["date", "null"] },
        },
    } }
}
