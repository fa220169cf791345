//! The stored documents, and their conversion to and from domain types.
//!
//! Ids are hyphenated UUIDs, times are BSON dates, and integers are `int64`.

mod account;
mod api_key;
mod audit;
mod context;
mod conversation;
mod file;
mod identity;
mod message;
mod message_batches;
mod removal;
mod user;
mod values;

pub(crate) use self::account::AccountDocument;
pub(crate) use self::api_key::ApiKeyDocument;
pub(crate) use self::audit::{AuditChainDocument, AuditEntryDocument};
pub(crate) use self::context::ContextDocument;
pub(crate) use self::conversation::{
    CONVERSATION_SCHEMA_VERSION, ConversationDocument, current_schema_filter, flask_schema_filter,
    is_current, is_flask_document, state_update,
};
pub(crate) use self::file::{AnalysisDocument, JobDocument, TextDocument};
pub(crate) use self::identity::IdentityDocument;
pub(crate) use self::message::{MessageDocument, StoredReasoning, search_terms};
pub(crate) use self::message_batches::message_batches;
pub(crate) use self::removal::PendingDeletionDocument;
pub(crate) use self::user::{UserDocument, UserSettingsDocument};
pub(crate) use self::values::{Date, date, long};
