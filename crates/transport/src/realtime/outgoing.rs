use std::sync::Arc;

use serde::Serialize;
use webchat_domain::{ConversationId, Event, MessageAccepted};

/// What a client is told.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// To all that follow a conversation.
    Event(Arc<Event>),
    /// To this client alone.
    Answer(Answer),
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
pub(crate) enum Answer {
    Response {
        data: &'static str,
        session: SessionData,
    },
    Subscribed {
        conversation_id: ConversationId,
        recovered: bool,
        event_seq: u64,
    },
    /// A message that was sent before.
    MessageAccepted {
        conversation_id: ConversationId,
        #[serde(flatten)]
        accepted: MessageAccepted,
    },
    Error(ErrorData),
    Pong {},
}

#[derive(Debug, Serialize)]
pub(crate) struct SessionData {
    pub(crate) conversation_id: Option<ConversationId>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ErrorData {
    pub(crate) message: String,
    pub(crate) code: &'static str,
    pub(crate) request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) event: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) conversation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_message_id: Option<String>,
}

impl Outgoing {
    pub(crate) fn to_json(&self) -> serde_json::Result<String> {
        match self {
            Self::Event(event) => serde_json::to_string(event.as_ref()),
            Self::Answer(answer) => serde_json::to_string(answer),
        }
    }
}
