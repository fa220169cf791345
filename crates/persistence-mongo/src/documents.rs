//! The documents as they lie in the database, and what they mean.
//!
//! Ids are hyphenated UUIDs, moments are dates, numbers are 64 bits wide.

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, Document, doc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_with::{DeserializeAs, DisplayFromStr, SerializeAs, TryFromInto, serde_as};
use webchat_domain::{
    ClientMessageId, Context, Conversation, ConversationId, ExampleId, FewShotExample, Message,
    MessageId, MessageStatus, ModelParameters, Problem, Role, Summary, SummaryAuthor, SystemPrompt,
    Timestamp, Title, TurnId, UserId,
};
use webchat_persistence::{StoredConversation, StoredMessage, rules};

/// The form of the documents in `conversations`. Those of the Flask application, which share the
/// collection until they are migrated, have no such number.
pub(crate) const CONVERSATION_SCHEMA: i64 = 1;

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
    /// The messages up to this position were taken away by a reset: some of them may still lie in
    /// `messages`, but nobody sees them.
    #[serde_as(as = "TryFromInto<i64>")]
    pub(crate) emptied_through: u64,
    #[serde_as(as = "TryFromInto<i64>")]
    pub(crate) total_tokens: u64,
    /// There only where it is true, as in documents that are older than it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) archived: bool,
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub(crate) running_turn: Option<TurnId>,
    #[serde_as(as = "Option<Date>")]
    pub(crate) lease_until: Option<Timestamp>,
    #[serde_as(as = "Option<Date>")]
    pub(crate) compacting_until: Option<Timestamp>,
    /// Not read by most.
    #[serde(default)]
    pub(crate) context: ContextDocument,
    #[serde_as(as = "TryFromInto<i64>")]
    pub(crate) context_revision: u64,
    pub(crate) schema: i64,
}

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
    #[serde_as(as = "TryFromInto<i64>")]
    pub(crate) token_count: u32,
    pub(crate) status: MessageStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Problem>,
    #[serde_as(as = "Date")]
    pub(crate) created_at: Timestamp,
    pub(crate) active: bool,
}

/// A document of `removals`: messages that nobody sees any more and are yet to be taken away.
#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RemovalDocument {
    #[serde(rename = "_id")]
    pub(crate) id: ObjectId,
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) conversation_id: ConversationId,
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) user_id: UserId,
    #[serde_as(as = "TryFromInto<i64>")]
    pub(crate) through: u64,
}

impl RemovalDocument {
    /// Finds the messages.
    pub(crate) fn messages(&self) -> Document {
        doc! {
            "conversation_id": self.conversation_id.to_string(),
            "position": { "$lte": long(self.through) },
        }
    }
}

/// The sub-document `context` of a conversation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ContextDocument {
    system_prompt: Option<SystemPromptDocument>,
    parameters: ModelParameters,
    examples: Vec<ExampleDocument>,
    summary: Option<SummaryDocument>,
}

#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SystemPromptDocument {
    text: String,
    #[serde_as(as = "TryFromInto<i64>")]
    token_count: u32,
}

#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ExampleDocument {
    #[serde_as(as = "DisplayFromStr")]
    example_id: ExampleId,
    user_prompt: String,
    assistant_response: String,
    #[serde_as(as = "TryFromInto<i64>")]
    prompt_tokens: u32,
    #[serde_as(as = "TryFromInto<i64>")]
    response_tokens: u32,
    #[serde_as(as = "Date")]
    created_at: Timestamp,
}

#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SummaryDocument {
    text: String,
    #[serde_as(as = "TryFromInto<i64>")]
    token_count: u32,
    #[serde_as(as = "TryFromInto<i64>")]
    through: u64,
    #[serde_as(as = "TryFromInto<i64>")]
    message_count: u64,
    #[serde_as(as = "Date")]
    created_at: Timestamp,
    author: SummaryAuthor,
}

impl ConversationDocument {
    /// A conversation in which no turn runs, as it is put into the database for the first time.
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
            emptied_through: 0,
            total_tokens: conversation.total_tokens,
            archived: conversation.archived,
            running_turn: None,
            lease_until: None,
            compacting_until: None,
            context: stored.context.into(),
            context_revision: 0,
            schema: CONVERSATION_SCHEMA,
        }
    }
}

impl ConversationDocument {
    /// The turn whose lease is valid at `now`.
    pub(crate) fn running_turn(&self, now: Timestamp) -> Option<TurnId> {
        rules::running_turn(self.running_turn, self.lease_until, now)
    }
}

impl From<ConversationDocument> for Conversation {
    fn from(document: ConversationDocument) -> Self {
        Self {
            conversation_id: document.conversation_id,
            title: document.title,
            created_at: document.created_at,
            updated_at: document.updated_at,
            message_count: document.message_count,
            total_tokens: document.total_tokens,
            archived: document.archived,
        }
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

impl MessageDocument {
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
            content: message.content,
            token_count: message.token_count,
            status: message.status,
            error: message.error,
            created_at: message.created_at,
            active: stored.active,
        }
    }
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
            token_count: document.token_count,
            status: document.status,
            error: document.error,
            created_at: document.created_at,
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

impl From<Context> for ContextDocument {
    fn from(context: Context) -> Self {
        Self {
            system_prompt: context.system_prompt.map(|prompt| SystemPromptDocument {
                text: prompt.text,
                token_count: prompt.token_count,
            }),
            parameters: context.parameters,
            examples: context.examples.into_iter().map(ExampleDocument::from).collect(),
            summary: context.summary.map(|summary| SummaryDocument {
                text: summary.text,
                token_count: summary.token_count,
                through: summary.through,
                message_count: summary.message_count,
                created_at: summary.created_at,
                author: summary.author,
            }),
        }
    }
}

impl From<ContextDocument> for Context {
    fn from(document: ContextDocument) -> Self {
        Self {
            system_prompt: document
                .system_prompt
                .map(|prompt| SystemPrompt { text: prompt.text, token_count: prompt.token_count }),
            parameters: document.parameters,
            examples: document.examples.into_iter().map(FewShotExample::from).collect(),
            summary: document.summary.map(|summary| Summary {
                text: summary.text,
                token_count: summary.token_count,
                through: summary.through,
                message_count: summary.message_count,
                created_at: summary.created_at,
                author: summary.author,
            }),
        }
    }
}

impl From<FewShotExample> for ExampleDocument {
    fn from(example: FewShotExample) -> Self {
        Self {
            example_id: example.example_id,
            user_prompt: example.user_prompt,
            assistant_response: example.assistant_response,
            prompt_tokens: example.prompt_tokens,
            response_tokens: example.response_tokens,
            created_at: example.created_at,
        }
    }
}

impl From<ExampleDocument> for FewShotExample {
    fn from(document: ExampleDocument) -> Self {
        Self {
            example_id: document.example_id,
            user_prompt: document.user_prompt,
            assistant_response: document.assistant_response,
            prompt_tokens: document.prompt_tokens,
            response_tokens: document.response_tokens,
            created_at: document.created_at,
        }
    }
}

/// A [`Timestamp`] as a date.
pub(crate) struct Date;

impl SerializeAs<Timestamp> for Date {
    fn serialize_as<S: Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        date(*moment).serialize(serializer)
    }
}

impl<'de> DeserializeAs<'de, Timestamp> for Date {
    fn deserialize_as<D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let date = DateTime::deserialize(deserializer)?;
        Ok(Timestamp::from_unix_millis(date.timestamp_millis()))
    }
}

pub(crate) fn date(moment: Timestamp) -> DateTime {
    DateTime::from_millis(moment.unix_millis())
}

/// A number for the database, where numbers have 63 bits.
pub(crate) fn long(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
