use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use webchat_domain::{ClientMessageId, ConversationId, MessageId};

use crate::error::api_error::ApiError;

/// What a client says.
#[derive(Debug)]
pub(crate) enum Incoming {
    SendMessage(SendMessageData),
    EditMessage(EditMessageData),
    Regenerate(AnswerData),
    Continue(AnswerData),
    SelectVersion(VersionData),
    Subscribe(SubscribeData),
    Unsubscribe(ConversationData),
    Stop(ConversationData),
    Ping,
}

#[derive(Debug, Deserialize)]
pub(crate) struct SendMessageData {
    /// Optional, so that a message that is missing is answered as one that is empty.
    #[serde(default)]
    pub(crate) message: String,
    pub(crate) conversation_id: Option<ConversationId>,
    pub(crate) client_message_id: Option<ClientMessageId>,
    pub(crate) expected_position: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct EditMessageData {
    pub(crate) conversation_id: ConversationId,
    pub(crate) message_id: MessageId,
    #[serde(default)]
    pub(crate) message: String,
    pub(crate) client_message_id: Option<ClientMessageId>,
}

/// An answer that is to be made anew, or to go on; the last one if none is named.
#[derive(Debug, Deserialize)]
#[expect(clippy::struct_field_names, reason = "these are their names on the wire")]
pub(crate) struct AnswerData {
    pub(crate) conversation_id: ConversationId,
    pub(crate) message_id: Option<MessageId>,
    pub(crate) client_message_id: Option<ClientMessageId>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct VersionData {
    pub(crate) conversation_id: ConversationId,
    pub(crate) message_id: MessageId,
}

#[derive(Debug, Deserialize)]
pub(crate) struct SubscribeData {
    pub(crate) conversation_id: ConversationId,
    #[serde(default)]
    pub(crate) after: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ConversationData {
    pub(crate) conversation_id: ConversationId,
}

/// A frame as far as it can be read without knowing its event.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Frame {
    pub(crate) event: String,
    #[serde(default)]
    pub(crate) data: Value,
}

/// What an error is about, as far as it can be named.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Subject {
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_message_id: Option<String>,
}

impl Frame {
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        serde_json::from_str(text).map_err(|error| {
            let message =
                format!("A frame must be JSON, {{\"event\": \"…\", \"data\": {{…}}}}: {error}.");
            ApiError::InvalidRequest(message)
        })
    }

    pub(crate) fn subject(&self) -> Subject {
        let text = |field| self.data.get(field).and_then(Value::as_str).map(ToOwned::to_owned);
        Subject {
            event: Some(self.event.clone()),
            conversation_id: text("conversation_id"),
            client_message_id: text("client_message_id"),
        }
    }

    pub(crate) fn read(self) -> Result<Incoming, ApiError> {
        match self.event.as_str() {
            "send_message" => data(self.data).map(Incoming::SendMessage),
            "edit_message" => data(self.data).map(Incoming::EditMessage),
            "regenerate" => data(self.data).map(Incoming::Regenerate),
            "continue" => data(self.data).map(Incoming::Continue),
            "select_version" => data(self.data).map(Incoming::SelectVersion),
            "subscribe" => data(self.data).map(Incoming::Subscribe),
            "unsubscribe" => data(self.data).map(Incoming::Unsubscribe),
            "stop" => data(self.data).map(Incoming::Stop),
            "ping" => Ok(Incoming::Ping),
            _ => Err(ApiError::UnknownEvent(self.event)),
        }
    }
}

fn data<T: DeserializeOwned>(data: Value) -> Result<T, ApiError> {
    serde_json::from_value(data)
        .map_err(|error| ApiError::InvalidRequest(format!("`data` can't be read: {error}.")))
}
