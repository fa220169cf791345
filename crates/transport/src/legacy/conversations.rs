//! Starts, lists, loads and resets conversations.

use actix_web::http::header::ContentType;
use actix_web::web::{self, Data, Json, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::{Chat, ChatError};
use webchat_domain::{Conversation, ConversationId, Timestamp};

use super::confirmation::Confirmation;
use super::history::FlaskMessageSchema;
use crate::error::api_error::ApiError;
use crate::error::body::ErrorBody;
use crate::extract::session::{OptionalSession, RequiredSession};
use crate::get_or_head::get_or_head;
use crate::openapi::responses::{ConversationPath, NotFoundResponse};
use crate::realtime::connections::Connections;
use crate::realtime::session_end::session_of_request_ended;
use crate::rest::transfer::export::stream_body;

const START: &str = "/start_conversation";
const RESET: &str = "/reset_conversation";
const LIST: &str = "/list_conversations";
const LOAD: &str = "/load_conversation/{id}";

#[derive(OpenApi)]
#[openapi(paths(start, reset, list, load))]
pub(super) struct ApiDoc;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource(START).route(web::post().to(start)))
        .service(web::resource(RESET).route(web::post().to(reset)))
        .service(web::resource(LIST).route(get_or_head().to(list)))
        .service(web::resource(LOAD).route(get_or_head().to(load)));
}

#[derive(Serialize, ToSchema)]
#[schema(as = Started)]
struct StartResponse {
    message: &'static str,
    conversation_id: ConversationId,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FlaskConversations)]
struct ConversationList {
    conversations: Vec<ListedConversation>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FlaskConversation)]
struct ListedConversation {
    conversation_id: ConversationId,
    created_at: Timestamp,
}

#[derive(ToSchema)]
#[schema(as = FlaskHistory)]
#[expect(dead_code, reason = "used for the OpenAPI document only: the response is streamed")]
struct History {
    conversation: Vec<FlaskMessageSchema>,
}

/// Starts a conversation and makes it the session's current one.
#[utoipa::path(
    post,
    path = START,
    tag = "flask",
    operation_id = "flask_start_conversation",
    responses((status = 200, body = StartResponse)),
)]
async fn start(
    browser: RequiredSession,
    chat: Data<Chat>,
) -> Result<Json<StartResponse>, ApiError> {
    let user_id = browser.session.user_id;
    let conversation_id = chat.conversations.start(user_id, None).await?.conversation_id;
    chat.sessions.set_current_conversation(&browser.session, conversation_id).await?;
    let message = "New conversation started.";
    Ok(Json(StartResponse { message, conversation_id }))
}

/// Resets the current conversation: deletes its messages and its context.
#[utoipa::path(
    post,
    path = RESET,
    tag = "flask",
    operation_id = "flask_reset_conversation",
    responses(
        (status = 200, body = Confirmation),
        (status = 400, body = ErrorBody, description = "The session has no current conversation."),
    ),
)]
async fn reset(browser: RequiredSession, chat: Data<Chat>) -> Result<Json<Confirmation>, ApiError> {
    let id = browser.session.conversation_id.ok_or(ApiError::NothingToReset)?;
    match chat.conversations.reset(browser.session.user_id, id).await {
        Err(ChatError::ConversationNotFound) => return Err(ApiError::NothingToReset),
        reset => reset?,
    }
    Ok(Json(Confirmation { message: "Conversation has been reset successfully!" }))
}

/// Lists all conversations, newest first.
#[utoipa::path(
    get,
    path = LIST,
    tag = "flask",
    operation_id = "flask_list_conversations",
    responses((status = 200, body = ConversationList)),
)]
async fn list(
    caller: OptionalSession,
    chat: Data<Chat>,
) -> Result<Json<ConversationList>, ApiError> {
    let conversations = chat.conversations.list_all(caller.user_id).await?;
    let conversations = conversations.into_iter().map(ListedConversation::from).collect();
    Ok(Json(ConversationList { conversations }))
}

/// Returns the messages of a conversation, and makes it the session's current one.
#[utoipa::path(
    get,
    path = LOAD,
    tag = "flask",
    operation_id = "flask_load_conversation",
    params(ConversationPath),
    responses((status = 200, body = History), NotFoundResponse),
)]
async fn load(
    request: HttpRequest,
    caller: OptionalSession,
    id: Path<ConversationId>,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, ApiError> {
    let history = chat.transfer.flask_history(caller.user_id, *id).await?;
    if let Some(session) = &caller.session {
        chat.sessions.set_current_conversation(session, *id).await?;
    }
    let session_end = session_of_request_ended(&request, &chat, &connections, caller.session);
    Ok(stream_body(HttpResponse::Ok().content_type(ContentType::json()), history, session_end))
}

impl From<Conversation> for ListedConversation {
    fn from(conversation: Conversation) -> Self {
        Self { conversation_id: conversation.conversation_id, created_at: conversation.created_at }
    }
}
