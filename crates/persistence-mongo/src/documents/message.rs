//! The documents of `messages`.

use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, TryFromInto, serde_as};
use webchat_domain::{
    ClientMessageId, ConversationId, Message, MessageId, MessageStatus, ModelId, Problem,
    Reasoning, Role, Timestamp, TurnId, UserId,
};
use webchat_persistence::StoredMessage;
use webchat_persistence::search::IndexTerms;

use super::values::Date;

/// A document of `messages`.
#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MessageDocument {
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) message_id: MessageId,
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) conversation_id: ConversationId,
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) user_id: UserId,
    #[serde_as(as = "TryFromInto<i64>")]
    pub(crate) position: u64,
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub(crate) parent_id: Option<MessageId>,
    #[serde_as(as = "Option<DisplayFromStr>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) turn_id: Option<TurnId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_message_id: Option<ClientMessageId>,
    pub(crate) role: Role,
    pub(crate) content: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning: Option<StoredReasoning>,
    /// The terms by which a search finds the message. Written and queried, but never read.
    #[serde(skip_deserializing)]
    search_terms: Vec<String>,
    #[serde_as(as = "TryFromInto<i64>")]
    pub(crate) token_count: u32,
    pub(crate) status: MessageStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Problem>,
    #[serde_as(as = "Date")]
    pub(crate) created_at: Timestamp,
    #[serde_as(as = "Option<Date>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ended_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<ModelId>,
    pub(crate) active: bool,
}

/// The reasoning of an answer in its document.
#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredReasoning {
    text: String,
    #[serde_as(as = "TryFromInto<i64>")]
    duration_ms: u32,
    #[serde_as(as = "TryFromInto<i64>")]
    tokens: u32,
}

impl From<Reasoning> for StoredReasoning {
    fn from(Reasoning { text, duration_ms, tokens }: Reasoning) -> Self {
        Self { text, duration_ms, tokens }
    }
}

impl From<StoredReasoning> for Reasoning {
    fn from(StoredReasoning { text, duration_ms, tokens }: StoredReasoning) -> Self {
        Self { text, duration_ms, tokens }
    }
}

impl MessageDocument {
    /// Returns the size of the text and of the reasoning in bytes.
    pub(crate) fn text_bytes(&self) -> usize {
        self.content.len() + self.reasoning.as_ref().map_or(0, |reasoning| reasoning.text.len())
    }

    pub(crate) fn new(user_id: UserId, stored: StoredMessage) -> Self {
        let message = stored.message;
        Self {
            message_id: message.message_id,
            conversation_id: message.conversation_id,
            user_id,
            position: message.position,
            parent_id: message.parent_id,
            turn_id: message.turn_id,
            client_message_id: stored.client_message_id,
            role: message.role,
            search_terms: search_terms(&message.content),
            content: message.content,
            reasoning: message.reasoning.map(StoredReasoning::from),
            token_count: message.token_count,
            status: message.status,
            error: message.error,
            created_at: message.created_at,
            ended_at: message.ended_at,
            model: message.model,
            active: stored.active,
        }
    }
}

/// Returns the terms by which a search finds the text.
pub(crate) fn search_terms(content: &str) -> Vec<String> {
    IndexTerms::of(content).all().into_iter().map(str::to_owned).collect()
}

impl From<MessageDocument> for Message {
    fn from(document: MessageDocument) -> Self {
        Self {
            message_id: document.message_id,
            conversation_id: document.conversation_id,
            position: document.position,
            parent_id: document.parent_id,
            turn_id: document.turn_id,
            role: document.role,
            content: document.content,
            reasoning: document.reasoning.map(Reasoning::from),
            token_count: document.token_count,
            status: document.status,
            error: document.error,
            created_at: document.created_at,
            ended_at: document.ended_at,
            model: document.model,
        }
    }
}

impl From<MessageDocument> for StoredMessage {
    fn from(document: MessageDocument) -> Self {
        Self {
            client_message_id: document.client_message_id.clone(),
            active: document.active,
            message: document.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{Bson, serialize_to_bson};
    use webchat_domain::JobStatus;
    use webchat_persistence::rules::StoredName;

    use super::*;

    fn assert_documents_have_stored_names<T: StoredName + Serialize>() {
        let names = T::ALL.iter().map(|value| serialize_to_bson(value).unwrap());
        let stored = T::stored_names().into_iter().map(Bson::from);
        assert_eq!(names.collect::<Vec<_>>(), stored.collect::<Vec<_>>());
    }

    #[test]
    fn roles_and_statuses_have_the_same_names_in_documents_and_updates() {
        assert_documents_have_stored_names::<Role>();
        assert_documents_have_stored_names::<MessageStatus>();
        assert_documents_have_stored_names::<JobStatus>();
    }
}
