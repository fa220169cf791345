//! Saves a conversation to a file on the server.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Path, ServiceConfig};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::{Chat, ChatError, SavedHistoryName};
use webchat_domain::{ConversationId, UserId};

use crate::error::api_error::ApiError;
use crate::error::body::ErrorBody;
use crate::extract::session::RequiredSession;
use crate::openapi::responses::{ConversationPath, NotFoundResponse};

const SAVE: &str = "/conversations/{id}/save";

#[derive(OpenApi)]
#[openapi(paths(save))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource(SAVE).route(web::post().to(save)));
}

#[derive(Serialize, ToSchema)]
#[schema(as = SavedFile)]
struct SaveResponse {
    /// The file's name at `/saved_conversations/{file}`.
    file_name: String,
}

/// Saves a conversation to a new file on the server.
#[utoipa::path(
    post,
    path = SAVE,
    tag = "transfer",
    operation_id = "save_conversation",
    params(ConversationPath),
    responses(
        (status = 201, body = SaveResponse),
        NotFoundResponse,
        (
            status = 429,
            body = ErrorBody,
            description = "The conversation was saved too often in the last few seconds.",
            headers(("Retry-After" = u32, description = "Seconds.")),
        ),
        (
            status = 507,
            body = ErrorBody,
            description = "The user has too many saved conversations, or the storage is full.",
        ),
    ),
)]
async fn save(
    browser: RequiredSession,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let file_name = save_history(&chat, browser.session.user_id, *id).await?.to_string();
    Ok(HttpResponse::Created().json(SaveResponse { file_name }))
}

/// Saves a conversation.
///
/// # Errors
/// [`ChatError::ConversationNotFound`], or [`ApiError::NotSaved`] with the cause.
pub(crate) async fn save_history(
    chat: &Chat,
    user_id: UserId,
    id: ConversationId,
) -> Result<SavedHistoryName, ApiError> {
    chat.conversations.save_history(user_id, id).await.map_err(|error| match error {
        ChatError::ConversationNotFound => error.into(),
        error => ApiError::NotSaved(error),
    })
}
