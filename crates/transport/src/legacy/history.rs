//! Saves the current conversation to a file on the server, and serves such files.

use actix_web::body::SizedStream;
use actix_web::http::header::{CONTENT_DISPOSITION, ContentType};
use actix_web::web::{self, Data, Json, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::{Chat, ChatError, SavedFile, SavedHistoryName};
use webchat_domain::Role;

use crate::error::api_error::ApiError;
use crate::error::body::ErrorBody;
use crate::extract::session::{OptionalSession, RequiredSession};
use crate::get_or_head::get_or_head;
use crate::headers::attachment;
use crate::openapi::responses::NotFoundResponse;
use crate::realtime::connections::Connections;
use crate::realtime::session_end::session_of_request_ended;
use crate::rest::transfer::export::{small_chunks, until_session_ends};
use crate::rest::transfer::save::save_history;

const SAVE: &str = "/save_history";
const SAVED_FILE: &str = "/saved_conversations/{file}";

#[derive(OpenApi)]
#[openapi(paths(save, download))]
pub(super) struct ApiDoc;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource(SAVE).route(web::post().to(save)))
        .service(web::resource(SAVED_FILE).route(get_or_head().to(download)));
}

/// A message, or one half of a few-shot example.
#[derive(ToSchema)]
#[schema(as = FlaskMessage)]
#[expect(
    dead_code,
    reason = "used for the OpenAPI document only: the use cases return the messages"
)]
pub(super) struct FlaskMessageSchema {
    role: Role,
    content: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SavedHistory)]
struct SaveResponse {
    message: &'static str,
    file_name: String,
}

/// Saves the current conversation to a file on the server.
#[utoipa::path(
    post,
    path = SAVE,
    tag = "flask",
    operation_id = "flask_save_history",
    responses(
        (status = 200, body = SaveResponse),
        (status = 400, body = ErrorBody, description = "The session has no current conversation."),
        (
            status = 429,
            body = ErrorBody,
            description = "The conversation was saved too often in the last few seconds.",
        ),
    ),
)]
async fn save(browser: RequiredSession, chat: Data<Chat>) -> Result<Json<SaveResponse>, ApiError> {
    let id = browser.session.conversation_id.ok_or(ApiError::NothingToSave)?;
    let name = match save_history(&chat, browser.session.user_id, id).await {
        Err(ApiError::Chat(ChatError::ConversationNotFound)) => {
            return Err(ApiError::NothingToSave);
        }
        saved => saved?,
    };
    let message = "Conversation history saved successfully.";
    Ok(Json(SaveResponse { message, file_name: name.to_string() }))
}

/// Downloads a saved conversation.
#[utoipa::path(
    get,
    path = SAVED_FILE,
    tag = "flask",
    operation_id = "flask_saved_history",
    params(("file" = String, Path, description = "The `file_name` that saving returned.")),
    responses((status = 200, body = Vec<FlaskMessageSchema>), NotFoundResponse),
)]
async fn download(
    request: HttpRequest,
    caller: OptionalSession,
    file: Path<String>,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, ApiError> {
    let name: SavedHistoryName = file.parse()?;
    let SavedFile { bytes, content } =
        chat.conversations.saved_history(caller.user_id, &name).await?;
    let session_end = session_of_request_ended(&request, &chat, &connections, caller.session);
    let content = until_session_ends(small_chunks(content), session_end);
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .insert_header((CONTENT_DISPOSITION, attachment(&name.to_string())))
        .body(SizedStream::new(bytes, content)))
}
