use std::sync::Arc;

use serde::{Serialize, Serializer};
use webchat_chat::ListChange;
use webchat_domain::{Conversation, ConversationId, Event, EventBody, MessageAccepted};

use crate::realtime::client_event::Subject;

/// What a client is told: its name, and its data as JSON.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// To all that follow a conversation.
    Event(Arc<Event>),
    /// To this client alone.
    Answer(Answer),
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
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
    /// An entry of the user's list of conversations is new or changed.
    ConversationListed {
        conversation: Conversation,
    },
    /// An entry of the user's list of conversations is gone.
    ConversationUnlisted {
        conversation_id: ConversationId,
    },
    /// Many entries of the user's list of conversations have changed.
    ListChanged {},
    /// What happened in a turn that ended before it was asked for.
    Recalled {
        conversation_id: ConversationId,
        #[serde(flatten)]
        body: EventBody,
    },
    Error(ErrorData),
    Pong {},
}

#[derive(Debug, Serialize)]
pub(crate) struct SessionData {
    pub(crate) conversation_id: Option<ConversationId>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct ErrorData {
    pub(crate) message: String,
    pub(crate) code: &'static str,
    pub(crate) request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after_ms: Option<u64>,
    #[serde(flatten)]
    pub(crate) subject: Subject,
}

impl Outgoing {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Event(event) => event.body.name(),
            Self::Answer(answer) => answer.name(),
        }
    }
}

impl Serialize for Outgoing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Event(event) => event.data().serialize(serializer),
            Self::Answer(answer) => answer.serialize(serializer),
        }
    }
}

impl Answer {
    fn name(&self) -> &'static str {
        match self {
            Self::Response { .. } => "response",
            Self::Subscribed { .. } => "subscribed",
            Self::MessageAccepted { .. } => "message_accepted",
            Self::ConversationListed { .. } => "conversation_listed",
            Self::ConversationUnlisted { .. } => "conversation_unlisted",
            Self::ListChanged {} => "list_changed",
            Self::Recalled { body, .. } => body.name(),
            Self::Error(_) => "error",
            Self::Pong {} => "pong",
        }
    }
}

impl From<ListChange> for Answer {
    fn from(change: ListChange) -> Self {
        match change {
            ListChange::Listed(conversation) => Self::ConversationListed { conversation },
            ListChange::Unlisted(conversation_id) => Self::ConversationUnlisted { conversation_id },
            ListChange::Many => Self::ListChanged {},
        }
    }
}
