//! Schemas of the events that the server sends. OpenAPI can't describe WebSocket messages, so these schemas,
//! like that of `ClientEvent`, are only components of the OpenAPI document. `docs/asyncapi.yaml` and the
//! page's types refer to them.

use serde::Serialize;
use utoipa::ToSchema;
use webchat_domain::{
    ConversationChange, ConversationId, EventData, FileProgress, MessageAccepted, ReasoningChunk,
    ResponseChunk, ResponseEnd, TokenUsage, TurnFailed,
};

use super::incoming::NoData;
use super::outgoing::{ConversationListed, ConversationUnlisted, ErrorData, Subscribed, Welcome};

/// An event that the server sends.
#[derive(Serialize, ToSchema)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
#[expect(
    dead_code,
    reason = "used for the OpenAPI document only: the server sends `OutgoingEvent`"
)]
pub(crate) enum ServerEvent {
    /// The first event of a connection.
    Response(Welcome),
    /// A subscription has begun.
    Subscribed(Subscribed),
    /// The reply to a `ping`.
    Pong(NoData),
    /// The server rejected an event, or a turn failed.
    Error(ErrorEvent),
    /// A question is stored, and its turn begins.
    MessageAccepted(AcceptedData),
    /// The next chunk of the reasoning before an answer.
    ReasoningChunk(EventData<ReasoningChunk>),
    /// The next chunk of an answer.
    ResponseChunk(EventData<ResponseChunk>),
    /// The answer is stored.
    ResponseEnd(EventData<ResponseEnd>),
    /// The number of tokens that the turn used. This is the turn's last event.
    TokenUsage(EventData<TokenUsage>),
    /// The progress of a file's analysis.
    FileProgress(EventData<FileProgress>),
    /// The conversation itself has changed.
    ConversationUpdated(EventData<ConversationChange>),
    /// An entry of the user's list of conversations is new or has changed.
    ConversationListed(ConversationListed),
    /// An entry of the user's list of conversations was removed.
    ConversationUnlisted(ConversationUnlisted),
    /// Many entries of the user's list of conversations have changed: load it again.
    ListChanged(NoData),
}

/// The error of a rejected event, sent only to its client, or of a failed turn, sent to all subscribers.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "used for the OpenAPI document only")]
pub(crate) enum ErrorEvent {
    Request(ErrorData),
    Turn(EventData<TurnFailed>),
}

/// A question is stored, and its turn begins.
#[derive(Serialize, ToSchema)]
pub(crate) struct AcceptedData {
    /// The conversation.
    conversation_id: ConversationId,
    /// The event's sequence number. The reply to a duplicate message has none, and is sent only to this connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    seq: Option<u64>,
    #[serde(flatten)]
    accepted: MessageAccepted,
}
