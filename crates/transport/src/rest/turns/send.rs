//! Sends a message, which starts a turn.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::{Chat, SendMessage};
use webchat_domain::{ClientMessageId, ConversationId, ModelId, deserialize_optional_integer};

use super::turn_response::{StreamedEvent, TurnRequest, TurnResponse};
use crate::error::api_error::ApiError;
use crate::error::body::ErrorBody;
use crate::extract::body::Body;
use crate::extract::idempotency_key::IdempotencyKeyHeader;
use crate::extract::session::RequiredSession;
use crate::openapi::responses::{
    ConversationPath, InvalidBodyResponse, NotAcceptableResponse, NotFoundResponse,
};
use crate::realtime::connections::Connections;

/// The path of a conversation's messages. The module `messages` lists them.
pub(crate) const MESSAGES: &str = "/conversations/{id}/messages";

#[derive(OpenApi)]
#[openapi(paths(send))]
pub(crate) struct ApiDoc;

/// A message to send.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewMessage {
    /// The message's text.
    #[schema(pattern = r"\S")]
    message: String,
    /// Any unique string. Repeating a request with the same id returns the first result.
    client_message_id: Option<ClientMessageId>,
    /// The position of the last message that the client knows. If there is a later message, the status is 409.
    #[schema(format = "uint64", maximum = 18_446_744_073_709_551_615_usize)]
    #[serde(default, deserialize_with = "deserialize_optional_integer")]
    expected_position: Option<u64>,
    /// The model that answers; by default that of the conversation.
    model: Option<ModelId>,
}

/// Sends a message. Returns the turn once it has ended, or streams its events.
///
/// The status is 200 even if the answer failed: see `finish_reason` and `error`. An error status means
/// that nothing was stored.
#[utoipa::path(
    post,
    path = MESSAGES,
    tag = "turns",
    operation_id = "send_message",
    params(ConversationPath, IdempotencyKeyHeader),
    request_body(content = NewMessage, example = json!({"message": "Why two tides a day?"})),
    responses(
        (
            status = 200,
            description = "The turn once it has ended, or its events as they happen.",
            content((TurnResponse = "application/json"), (StreamedEvent = "text/event-stream")),
        ),
        NotFoundResponse,
        NotAcceptableResponse,
        InvalidBodyResponse,
        (
            status = 409,
            body = ErrorBody,
            description = "A turn is running, or the conversation has a later message.",
        ),
        (
            status = 429,
            body = ErrorBody,
            description = "A limit of concurrent turns or of requests per second is reached.",
            headers(("Retry-After" = u32, description = "Seconds.")),
        ),
        (
            status = 503,
            body = ErrorBody,
            description = "The server is shutting down, or a store is unavailable.",
            headers(("Retry-After" = u32, description = "Seconds.")),
        ),
    ),
)]
pub(crate) async fn send(
    request: HttpRequest,
    browser: RequiredSession,
    id: Path<ConversationId>,
    message: Body<NewMessage>,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, ApiError> {
    let turn_request = TurnRequest::read(&request, &browser, &chat, &connections)?;
    let NewMessage { message, client_message_id, expected_position, model } = message.0;
    let client_message_id =
        consistent_id(turn_request.client_message_id.clone(), client_message_id)?;
    let message = SendMessage { content: message, client_message_id, expected_position, model };
    let sent = chat.turns.send(browser.caller(), *id, message).await?;
    turn_request.respond(&chat, &connections, *id, sent).await
}

/// Returns the client message id, which may be in the header or in the body. If it is in both, they must be equal.
fn consistent_id(
    key: Option<ClientMessageId>,
    client_message_id: Option<ClientMessageId>,
) -> Result<Option<ClientMessageId>, ApiError> {
    if key.is_some() && client_message_id.is_some() && key != client_message_id {
        let message = "`Idempotency-Key` and `client_message_id` must be the same.";
        return Err(ApiError::InvalidRequest(message.to_owned()));
    }
    Ok(key.or(client_message_id))
}
