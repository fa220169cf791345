//! The documents of `conversations`.

use mongodb::bson::raw::{RawBsonRef, RawDocument};
use mongodb::bson::{Document, doc};
use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, TryFromInto, serde_as};
use webchat_domain::{Conversation, ConversationId, MessageId, Timestamp, Title, TurnId, UserId};
use webchat_persistence::StoredConversation;
use webchat_persistence::rules::ConversationState;

use super::context::ContextDocument;
use super::values::{Date, date, long};

/// The format version of the documents in `conversations`. The Flask application's documents have no version; they
/// share the collection until they are migrated.
pub(crate) const CONVERSATION_SCHEMA_VERSION: i64 = 1;

/// Matches the documents in Webchat's format. Other documents may have a field `schema` of their own.
pub(crate) fn current_schema_filter() -> Document {
    doc! { "schema": { "$type": "long" }, "context_revision": { "$type": "long" } }
}

/// Whether [`current_schema_filter`] matches the document, or a projection of these fields. A damaged document does not.
pub(crate) fn is_current(document: &RawDocument) -> bool {
    let is_long = |name| matches!(document.get(name), Ok(Some(RawBsonRef::Int64(_))));
    is_long("schema") && is_long("context_revision")
}

/// The fields of which each conversation of the Flask application has one. Documents without them, and without
/// [`current_schema_filter`]' fields, are of another application.
const FLASK_FIELDS: [&str; 3] = ["conversation_id", "conversation_history", "conversation_text"];

/// Matches documents that are not of another application.
pub(crate) fn flask_schema_filter() -> Document {
    doc! { "$or": FLASK_FIELDS.map(|name| doc! { name: { "$exists": true } }) }
}

/// Whether [`flask_schema_filter`] matches the document. A damaged document may be one of them.
pub(crate) fn is_flask_document(document: &RawDocument) -> bool {
    FLASK_FIELDS.iter().any(|name| !matches!(document.get(name), Ok(None)))
}

/// A document of `conversations`.
#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ConversationDocument {
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) conversation_id: ConversationId,
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) user_id: UserId,
    #[serde_as(as = "Date")]
    pub(crate) created_at: Timestamp,
    #[serde_as(as = "Date")]
    pub(crate) updated_at: Timestamp,
    pub(crate) title: Option<Title>,
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub(crate) head: Option<MessageId>,
    #[serde_as(as = "TryFromInto<i64>")]
    pub(crate) message_count: u64,
    #[serde_as(as = "TryFromInto<i64>")]
    pub(crate) last_position: u64,
    /// The position of the last message that a reset removed. Some of the messages up to it may still be
    /// in `messages`, but they are invisible.
    #[serde_as(as = "TryFromInto<i64>")]
    #[serde(rename = "emptied_through")]
    pub(crate) reset_through: u64,
    #[serde_as(as = "TryFromInto<i64>")]
    pub(crate) total_tokens: u64,
    /// Present only if true: older documents do not have the field.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) archived: bool,
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub(crate) running_turn: Option<TurnId>,
    #[serde_as(as = "Option<Date>")]
    pub(crate) lease_until: Option<Timestamp>,
    #[serde_as(as = "Option<Date>")]
    pub(crate) compacting_until: Option<Timestamp>,
    /// Absent if the projection excludes it.
    #[serde(default)]
    pub(crate) context: ContextDocument,
    #[serde_as(as = "TryFromInto<i64>")]
    pub(crate) context_revision: u64,
    pub(crate) schema: i64,
}

impl ConversationDocument {
    /// Creates the document of a new conversation without a running turn.
    pub(crate) fn new(stored: StoredConversation) -> Self {
        let conversation = stored.conversation;
        Self {
            conversation_id: conversation.conversation_id,
            user_id: stored.user_id,
            created_at: conversation.created_at,
            updated_at: conversation.updated_at,
            title: conversation.title,
            head: stored.head,
            message_count: conversation.message_count,
            last_position: stored.last_position,
            reset_through: 0,
            total_tokens: conversation.total_tokens,
            archived: conversation.archived,
            running_turn: None,
            lease_until: None,
            compacting_until: None,
            context: stored.context.into(),
            context_revision: 0,
            schema: CONVERSATION_SCHEMA_VERSION,
        }
    }

    /// Returns the state that the rules change.
    pub(crate) fn state(&self) -> ConversationState {
        ConversationState {
            conversation: Conversation {
                conversation_id: self.conversation_id,
                title: self.title.clone(),
                created_at: self.created_at,
                updated_at: self.updated_at,
                message_count: self.message_count,
                total_tokens: self.total_tokens,
                archived: self.archived,
            },
            head: self.head,
            last_position: self.last_position,
            turn_id: self.running_turn,
            lease_until: self.lease_until,
        }
    }
}

/// Returns the update that writes all fields of a conversation that rules can change.
pub(crate) fn state_update(state: &ConversationState) -> Document {
    let conversation = &state.conversation;
    let mut set = doc! {
        "title": conversation.title.as_ref().map(Title::as_str),
        "updated_at": date(conversation.updated_at),
        "message_count": long(conversation.message_count),
        "total_tokens": long(conversation.total_tokens),
        "head": state.head.map(|head| head.to_string()),
        "last_position": long(state.last_position),
        "running_turn": state.turn_id.map(|turn_id| turn_id.to_string()),
        "lease_until": state.lease_until.map(date),
    };
    if conversation.archived {
        set.insert("archived", true);
        return doc! { "$set": set };
    }
    doc! { "$set": set, "$unset": { "archived": "" } }
}

impl From<ConversationDocument> for Conversation {
    fn from(document: ConversationDocument) -> Self {
        document.state().conversation
    }
}

impl From<ConversationDocument> for StoredConversation {
    fn from(document: ConversationDocument) -> Self {
        Self {
            user_id: document.user_id,
            head: document.head,
            last_position: document.last_position,
            context: document.context.clone().into(),
            conversation: document.into(),
        }
    }
}
