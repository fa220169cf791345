//! Events to clients.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use webchat_chat::{ListChange, Update};
use webchat_domain::{
    Conversation, ConversationChange, ConversationId, Event, EventBody, MessageAccepted,
};

use super::incoming::ErrorContext;

/// An event to a client: a name, and data as JSON. It is small, because each connection has space for a queue of events.
#[derive(Debug)]
pub(crate) enum OutgoingEvent {
    /// To all subscribers of a conversation.
    Event(Arc<Event>),
    /// To this client only.
    Reply(Box<Reply>),
}

/// An event to one client only.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Reply {
    Response(Welcome),
    Subscribed(Subscribed),
    /// The result of a duplicate message.
    MessageAccepted {
        conversation_id: ConversationId,
        #[serde(flatten)]
        accepted: MessageAccepted,
    },
    /// An entry of the user's list of conversations is new or has changed.
    ConversationListed(ConversationListed),
    /// An entry of the user's list of conversations was removed.
    ConversationUnlisted(ConversationUnlisted),
    /// Many entries of the user's list of conversations have changed.
    ListChanged {},
    /// An event of a turn that had ended before the client's request.
    Replayed {
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
    /// A human-readable greeting.
    pub(crate) data: &'static str,
    pub(crate) session: SessionData,
}

/// The state of the browser's session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionData {
    /// The current conversation: the target of messages that name none.
    #[schema(required = true)]
    pub(crate) conversation_id: Option<ConversationId>,
}

/// A subscription has begun; the events after `event_seq` follow.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Subscribed {
    pub(crate) conversation_id: ConversationId,
    /// `false` if the turn log does not reach back to `after`: the client must load the messages again.
    pub(crate) recovered: bool,
    /// The sequence number of the last event before the subscription's events.
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

/// The error of a rejected event.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ErrorData {
    /// A human-readable message.
    pub(crate) message: String,
    /// A stable, machine-readable code.
    pub(crate) code: &'static str,
    /// The error's id in the server's log.
    #[schema(format = "uuid")]
    pub(crate) request_id: String,
    /// The number of milliseconds that the client should wait before it tries again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) retry_after_ms: Option<u64>,
    #[serde(flatten)]
    pub(crate) context: ErrorContext,
}

impl OutgoingEvent {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Event(event) => event.body.name(),
            Self::Reply(reply) => reply.name(),
        }
    }

    /// Converts an update of a subscription into the events to send.
    pub(crate) fn from_update(conversation_id: ConversationId, update: Update) -> Vec<Self> {
        match update {
            Update::Events(events) => events.into_iter().map(Self::Event).collect(),
            Update::Gap { event_seq } => {
                let recovered = false;
                let subscribed = Subscribed { conversation_id, recovered, event_seq };
                vec![Reply::Subscribed(subscribed).into()]
            }
        }
    }

    /// Returns whether this is the last event of the conversation, because it was deleted.
    pub(crate) fn is_last(&self) -> bool {
        let Self::Event(event) = self else { return false };
        matches!(event.body, EventBody::ConversationUpdated(ConversationChange::Deleted))
    }
}

impl Serialize for OutgoingEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Event(event) => event.data().serialize(serializer),
            Self::Reply(reply) => reply.serialize(serializer),
        }
    }
}

impl From<Reply> for OutgoingEvent {
    fn from(reply: Reply) -> Self {
        Self::Reply(Box::new(reply))
    }
}

impl Reply {
    fn name(&self) -> &'static str {
        match self {
            Self::Response(_) => "response",
            Self::Subscribed(_) => "subscribed",
            Self::MessageAccepted { .. } => "message_accepted",
            Self::ConversationListed(_) => "conversation_listed",
            Self::ConversationUnlisted(_) => "conversation_unlisted",
            Self::ListChanged {} => "list_changed",
            Self::Replayed { body, .. } => body.name(),
            Self::Error(_) => "error",
            Self::Pong {} => "pong",
        }
    }
}

impl From<ListChange> for Reply {
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
