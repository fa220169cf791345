//! Message versions: edits questions, regenerates and continues answers, and selects versions.

use actix_web::web::{self, Data, Json, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi, ToSchema};
use webchat_chat::{Chat, SendMessage};
use webchat_domain::{ConversationId, Message, MessageId, ModelId};

use super::turns::turn_response::{TurnRequest, TurnResponses};
use crate::error::api_error::ApiError;
use crate::extract::body::{Body, BodyLimit, OptionalBody};
use crate::extract::idempotency_key::IdempotencyKeyHeader;
use crate::extract::session::RequiredSession;
use crate::middleware::body_limits::MAX_MESSAGE_BODY_BYTES;
use crate::openapi::responses::{InvalidBodyResponse, NotFoundResponse, TurnRejectedResponse};
use crate::realtime::connections::Connections;

const EDIT: &str = "/conversations/{id}/messages/{message_id}/edit";
const REGENERATE: &str = "/conversations/{id}/messages/{message_id}/regenerate";
const CONTINUE: &str = "/conversations/{id}/messages/{message_id}/continue";
const SELECT: &str = "/conversations/{id}/messages/{message_id}/select";

#[derive(OpenApi)]
#[openapi(paths(edit, regenerate, continue_answer, select))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource(EDIT)
                .app_data(BodyLimit(MAX_MESSAGE_BODY_BYTES))
                .route(web::post().to(edit)),
        )
        .service(web::resource(REGENERATE).route(web::post().to(regenerate)))
        .service(web::resource(CONTINUE).route(web::post().to(continue_answer)))
        .service(web::resource(SELECT).route(web::post().to(select)));
}

/// The new version of a question.
#[derive(Deserialize, ToSchema)]
struct EditedMessage {
    /// The new text of the question.
    #[schema(pattern = r"\S")]
    message: String,
    /// The model that answers; by default that of the conversation.
    model: Option<ModelId>,
}

/// How to generate another version of an answer.
#[derive(Default, Deserialize, ToSchema)]
struct Regeneration {
    /// The model that answers; by default that of the conversation.
    model: Option<ModelId>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct MessagePath {
    /// The id of the conversation.
    id: ConversationId,
    /// The id of the message.
    message_id: MessageId,
}

/// Edits a question: stores the new text as another version of it, and generates an answer.
///
/// The old version and the messages that follow it are hidden. To show them again, select the old version.
#[utoipa::path(
    post,
    path = EDIT,
    tag = "turns",
    operation_id = "edit_message",
    params(MessagePath, IdempotencyKeyHeader),
    request_body(content = EditedMessage),
    responses(TurnResponses, InvalidBodyResponse),
)]
async fn edit(
    request: HttpRequest,
    browser: RequiredSession,
    path: Path<MessagePath>,
    edited: Body<EditedMessage>,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, ApiError> {
    let turn_request = TurnRequest::read(&request, &browser, &chat, &connections)?;
    let MessagePath { id, message_id } = path.into_inner();
    let EditedMessage { message, model } = edited.0;
    let message = SendMessage {
        content: message,
        client_message_id: turn_request.client_message_id.clone(),
        expected_position: None,
        model,
    };
    let sent = chat.turns.edit(browser.caller(), id, message_id, message).await?;
    turn_request.respond(&chat, &connections, id, sent).await
}

/// Generates another version of an answer.
///
/// The old version and the messages that follow it are hidden. To show them again, select the old version.
#[utoipa::path(
    post,
    path = REGENERATE,
    tag = "turns",
    operation_id = "regenerate",
    params(MessagePath, IdempotencyKeyHeader),
    request_body(content = Option<Regeneration>),
    responses(TurnResponses, InvalidBodyResponse)
)]
async fn regenerate(
    request: HttpRequest,
    browser: RequiredSession,
    path: Path<MessagePath>,
    body: Result<OptionalBody<Regeneration>, ApiError>,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, ApiError> {
    let turn_request = TurnRequest::read(&request, &browser, &chat, &connections)?;
    let MessagePath { id, message_id } = path.into_inner();
    let client_message_id = turn_request.client_message_id.clone();
    let caller = browser.caller();
    let Regeneration { model } = OptionalBody::or_ignored(body)?.unwrap_or_default();
    let turns = &chat.turns;
    let sent = turns.regenerate(caller, id, Some(message_id), client_message_id, model).await?;
    turn_request.respond(&chat, &connections, id, sent).await
}

/// Continues the last answer, if its status is `interrupted`, `stopped`, `truncated` or `failed`.
///
/// The new text is appended to the same message.
#[utoipa::path(
    post,
    path = CONTINUE,
    tag = "turns",
    operation_id = "continue_answer",
    params(MessagePath, IdempotencyKeyHeader),
    responses(TurnResponses)
)]
async fn continue_answer(
    request: HttpRequest,
    browser: RequiredSession,
    path: Path<MessagePath>,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, ApiError> {
    let turn_request = TurnRequest::read(&request, &browser, &chat, &connections)?;
    let MessagePath { id, message_id } = path.into_inner();
    let client_message_id = turn_request.client_message_id.clone();
    let caller = browser.caller();
    let sent = chat.turns.continue_answer(caller, id, Some(message_id), client_message_id).await?;
    turn_request.respond(&chat, &connections, id, sent).await
}

/// Selects a version of a message: makes it visible, together with the newest messages that follow it.
///
/// The version that was visible before, and the messages that follow it, are hidden. Selecting a visible message
/// changes nothing.
#[utoipa::path(
    post,
    path = SELECT,
    tag = "turns",
    operation_id = "select_version",
    params(MessagePath),
    responses((status = 200, body = Message), NotFoundResponse, TurnRejectedResponse),
)]
async fn select(
    browser: RequiredSession,
    path: Path<MessagePath>,
    chat: Data<Chat>,
) -> Result<Json<Message>, ApiError> {
    let MessagePath { id, message_id } = path.into_inner();
    Ok(Json(chat.turns.select_version(browser.session.user_id, id, message_id).await?))
}
