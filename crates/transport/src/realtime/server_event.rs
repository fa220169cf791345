use std::sync::Arc;

use serde::{Serialize, Serializer};
use utoipa::ToSchema;
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
    Response(Welcome),
    Subscribed(Subscribed),
    /// A message that was sent before.
    MessageAccepted {
        conversation_id: ConversationId,
        #[serde(flatten)]
        accepted: MessageAccepted,
    },
    /// An entry of the user's list of conversations is new or changed.
    ConversationListed(ConversationListed),
    /// An entry of the user's list of conversations is gone.
    ConversationUnlisted(ConversationUnlisted),
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

/// The first event of a connection.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Welcome {
    /// A greeting for people.
    pub(crate) data: &'static str,
    pub(crate) session: SessionData,
}

/// The state of the browser's session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionData {
    /// The current conversation: the one that is meant where a client names none.
    #[schema(required = true)]
    pub(crate) conversation_id: Option<ConversationId>,
}

/// A subscription has begun; the events after `after` follow.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Subscribed {
    pub(crate) conversation_id: ConversationId,
    /// `false` if the log does not reach back to `after`: the client must load the messages again.
    pub(crate) recovered: bool,
    /// The number of the last event before those that follow.
    pub(crate) event_seq: u64,
}

/// An entry of the user's list of conversations is new or has changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConversationListed {
    pub(crate) conversation: Conversation,
}

/// An entry of the user's list of conversations was removed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConversationUnlisted {
    pub(crate) conversation_id: ConversationId,
}

/// Why a frame of a client was not carried out.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ErrorData {
    /// A sentence for people.
    pub(crate) message: String,
    /// A stable code for programs.
    pub(crate) code: &'static str,
    /// The error's id in the server's log.
    #[schema(format = "uuid")]
    pub(crate) request_id: String,
    /// How many milliseconds the client should wait before it tries again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
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
            Self::Response(_) => "response",
            Self::Subscribed(_) => "subscribed",
            Self::MessageAccepted { .. } => "message_accepted",
            Self::ConversationListed(_) => "conversation_listed",
            Self::ConversationUnlisted(_) => "conversation_unlisted",
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
            ListChange::Listed(conversation) => {
                Self::ConversationListed(ConversationListed { conversation })
            }
            ListChange::Unlisted(conversation_id) => {
                Self::ConversationUnlisted(ConversationUnlisted { conversation_id })
            }
            ListChange::Many => Self::ListChanged {},
        }
    }
}
