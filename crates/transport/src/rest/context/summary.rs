//! The summary of a conversation's oldest messages.

use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::Chat;
use webchat_domain::ConversationId;

use super::view::{ContextBody, expected_revision, respond};
use crate::error::api_error::ApiError;
use crate::extract::body::Body;
use crate::extract::etag::IfMatchParam;
use crate::extract::session::RequiredSession;
use crate::openapi::responses::{
    ConversationPath, EtagResponse, InvalidBodyResponse, NotFoundResponse,
    PreconditionFailedResponse,
};

const SUMMARY: &str = "/conversations/{id}/context/summary";

#[derive(OpenApi)]
#[openapi(paths(replace, remove), components(schemas(ContextBody)))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::resource(SUMMARY).route(web::put().to(replace)).route(web::delete().to(remove)),
    );
}

#[derive(Deserialize, ToSchema)]
struct SummaryText {
    #[schema(pattern = r"\S")]
    text: String,
}

/// Replaces the summary's text.
#[utoipa::path(
    put,
    path = SUMMARY,
    tag = "context",
    operation_id = "replace_summary",
    params(ConversationPath, IfMatchParam),
    request_body(content = SummaryText, example = json!({"text": "They spoke of tides."})),
    responses(
        EtagResponse<ContextBody>,
        NotFoundResponse,
        PreconditionFailedResponse,
        InvalidBodyResponse,
    ),
)]
async fn replace(
    request: HttpRequest,
    browser: RequiredSession,
    id: Path<ConversationId>,
    summary: Body<SummaryText>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let user_id = browser.session.user_id;
    let SummaryText { text } = summary.0;
    if text.trim().is_empty() {
        let message = "`text` must not be empty. Use DELETE to remove the summary.";
        return Err(ApiError::InvalidValue(message.to_owned()));
    }
    let expected = expected_revision(&request, &chat, user_id, *id).await?;
    chat.contexts.set_summary(user_id, *id, Some(text), expected).await?;
    respond(&request, &chat, user_id, *id).await
}

/// Removes the summary. The messages that it covered are then sent to the model again, as many as fit.
#[utoipa::path(
    delete,
    path = SUMMARY,
    tag = "context",
    operation_id = "remove_summary",
    params(ConversationPath, IfMatchParam),
    responses(
        (status = 204, description = "Removed."),
        NotFoundResponse,
        PreconditionFailedResponse,
    ),
)]
async fn remove(
    request: HttpRequest,
    browser: RequiredSession,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let user_id = browser.session.user_id;
    let expected = expected_revision(&request, &chat, user_id, *id).await?;
    chat.contexts.set_summary(user_id, *id, None, expected).await?;
    Ok(HttpResponse::NoContent().finish())
}
