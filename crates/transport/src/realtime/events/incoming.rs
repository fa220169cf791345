//! Events from clients.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use strum::IntoStaticStr;
use utoipa::ToSchema;
use webchat_domain::{
    ClientMessageId, ConversationId, MessageId, ModelId, deserialize_optional_integer,
};

use crate::error::api_error::ApiError;
use crate::error::json_error::{self, describe};
use crate::extract::body::Object;
use crate::extract::json_text::replace_lone_surrogates;
use crate::text::truncate;

/// The maximum length of an event name or id that an error repeats, in characters: the maximum length of a
/// `client_message_id`.
const MAX_ECHO_CHARS: usize = 128;

/// An event that a client sends.
// Parsed by `UnparsedEvent::parse_data`, whose errors distinguish an unknown event from invalid data.
#[derive(Debug, Deserialize, IntoStaticStr, ToSchema)]
#[strum(serialize_all = "snake_case")]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
pub(crate) enum ClientEvent {
    /// Sends a message, and subscribes the connection to its conversation.
    SendMessage(SendMessageData),
    /// Stores a new version of a question, and answers it.
    EditMessage(EditMessageData),
    /// Regenerates an answer.
    Regenerate(RegenerateData),
    /// Continues the last answer if it is incomplete: stopped, interrupted, truncated or failed.
    Continue(AnswerData),
    /// Makes a version of a message visible.
    SelectVersion(VersionData),
    /// Subscribes the connection to a conversation.
    Subscribe(SubscribeData),
    /// Ends a subscription.
    Unsubscribe(ConversationData),
    /// Stops the running turn. The text so far is kept.
    Stop(ConversationData),
    /// Requests a `pong`.
    Ping(NoData),
}

/// No data.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct NoData {}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SendMessageData {
    /// The message's text.
    // Has a default so that a missing message is rejected like an empty one.
    #[serde(default)]
    #[schema(required = true)]
    pub(crate) message: String,
    /// The conversation; by default the session's current one.
    pub(crate) conversation_id: Option<ConversationId>,
    /// Any unique string. Repeating a message with the same id returns the first result.
    pub(crate) client_message_id: Option<ClientMessageId>,
    /// The position of the last message that the client knows. The message is rejected if the
    /// conversation has a later one.
    #[serde(default, deserialize_with = "deserialize_optional_integer")]
    pub(crate) expected_position: Option<u64>,
    /// The model that answers; by default that of the conversation.
    pub(crate) model: Option<ModelId>,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct EditMessageData {
    pub(crate) conversation_id: ConversationId,
    /// The question to edit.
    pub(crate) message_id: MessageId,
    /// The new text.
    #[serde(default)]
    #[schema(required = true)]
    pub(crate) message: String,
    /// Any unique string. Repeating a message with the same id returns the first result.
    pub(crate) client_message_id: Option<ClientMessageId>,
    /// The model that answers; by default that of the conversation.
    pub(crate) model: Option<ModelId>,
}

/// The answer to regenerate.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RegenerateData {
    pub(crate) conversation_id: ConversationId,
    /// The answer; by default the last one.
    pub(crate) message_id: Option<MessageId>,
    /// Any unique string. Repeating a request with the same id returns the first result.
    pub(crate) client_message_id: Option<ClientMessageId>,
    /// The model that answers; by default that of the conversation.
    pub(crate) model: Option<ModelId>,
}

/// The answer to continue.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "these are the wire names")]
pub(crate) struct AnswerData {
    pub(crate) conversation_id: ConversationId,
    /// The answer; by default the last one.
    pub(crate) message_id: Option<MessageId>,
    /// Any unique string. Repeating a request with the same id returns the first result.
    pub(crate) client_message_id: Option<ClientMessageId>,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct VersionData {
    pub(crate) conversation_id: ConversationId,
    /// The version to make visible.
    pub(crate) message_id: MessageId,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SubscribeData {
    pub(crate) conversation_id: ConversationId,
    /// The sequence number of the last event that the client knows; 0 is before the first one.
    #[serde(default, deserialize_with = "sequence_number")]
    pub(crate) after: u64,
}

/// Serializers of many clients write absent values as null.
fn sequence_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserialize_optional_integer(deserializer).map(Option::unwrap_or_default)
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ConversationData {
    pub(crate) conversation_id: ConversationId,
}

/// A client's event whose data is not parsed yet.
#[derive(Debug, Deserialize)]
pub(crate) struct UnparsedEvent {
    pub(crate) event: String,
    /// The unparsed data: a tree of values would take many times the memory.
    #[serde(default)]
    pub(crate) data: Option<Box<RawValue>>,
}

/// The parsed parts of the event that caused an error.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub(crate) struct ErrorContext {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    event: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    conversation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    client_message_id: Option<String>,
}

/// The ids in the data of an event. Other fields are ignored.
#[derive(Default, Deserialize)]
struct ErrorContextIds<'a> {
    #[serde(borrow, default)]
    conversation_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    client_message_id: Option<&'a RawValue>,
}

impl UnparsedEvent {
    /// Parses a message of the WebSocket.
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        serde_json::from_str(&replace_lone_surrogates(text)).map_err(|error| {
            let error = describe(&error);
            let message =
                format!("An event must be JSON, {{\"event\": \"…\", \"data\": {{…}}}}: {error}.");
            ApiError::InvalidRequest(message)
        })
    }

    pub(crate) fn error_context(&self) -> ErrorContext {
        let ids = self.data.as_ref().and_then(|data| serde_json::from_str(data.get()).ok());
        let ErrorContextIds { conversation_id, client_message_id } = ids.unwrap_or_default();
        ErrorContext {
            event: Some(echo(&self.event)),
            conversation_id: text(conversation_id),
            client_message_id: text(client_message_id),
        }
    }

    pub(crate) fn parse_data(self) -> Result<ClientEvent, ApiError> {
        let data = self.data.as_deref();
        match self.event.as_str() {
            "send_message" => parse(data).map(ClientEvent::SendMessage),
            "edit_message" => parse(data).map(ClientEvent::EditMessage),
            "regenerate" => parse(data).map(ClientEvent::Regenerate),
            "continue" => parse(data).map(ClientEvent::Continue),
            "select_version" => parse(data).map(ClientEvent::SelectVersion),
            "subscribe" => parse(data).map(ClientEvent::Subscribe),
            "unsubscribe" => parse(data).map(ClientEvent::Unsubscribe),
            "stop" => parse(data).map(ClientEvent::Stop),
            "ping" => Ok(ClientEvent::Ping(NoData {})),
            _ => Err(ApiError::UnknownEvent(echo(&self.event))),
        }
    }
}

/// Returns the value, truncated for an error, if it is a string.
fn text(value: Option<&RawValue>) -> Option<String> {
    let text: String = serde_json::from_str(value?.get()).ok()?;
    Some(echo(&text))
}

/// Truncates a string from the client for an error.
fn echo(text: &str) -> String {
    truncate(text, MAX_ECHO_CHARS).to_owned()
}

fn parse<T: DeserializeOwned>(data: Option<&RawValue>) -> Result<T, ApiError> {
    let missing =
        || ApiError::InvalidRequest("`data` is missing. It must be an object.".to_owned());
    let Object(data) = json_error::parse(data.ok_or_else(missing)?.get())
        .map_err(|error| ApiError::InvalidRequest(format!("`data` can't be parsed: {error}.")))?;
    Ok(data)
}
