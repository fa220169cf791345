//! Ending the sessions of a user.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Path, ServiceConfig};
use utoipa::OpenApi;
use webchat_chat::{Chat, ChatError};
use webchat_domain::{PublicSessionId, UserId};

use super::access::{AdminAccess, UserPath};
use crate::error::api_error::ApiError;
use crate::openapi::responses::{NotFoundResponse, RoleNeededResponse};

const SESSIONS: &str = "/admin/users/{user_id}/sessions";
const SESSION: &str = "/admin/users/{user_id}/sessions/{session_id}";

#[derive(OpenApi)]
#[openapi(paths(end_all, end_one))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource(SESSIONS).route(web::delete().to(end_all)))
        .service(web::resource(SESSION).route(web::delete().to(end_one)));
}

/// Ends all sessions of a user, and closes their live connections.
#[utoipa::path(
    delete,
    path = SESSIONS,
    tag = "admin",
    operation_id = "admin_end_sessions",
    params(("user_id" = UserId, Path, description = "The user.")),
    responses((status = 204, description = "Ended."), NotFoundResponse, RoleNeededResponse),
)]
async fn end_all(
    admin: AdminAccess,
    user: UserPath,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let user_id = user.id()?;
    chat.accounts.get(user_id).await?;
    chat.accounts.end_sessions(user_id, None, &admin.actor).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ends a session of a user, and closes its live connections.
#[utoipa::path(
    delete,
    path = SESSION,
    tag = "admin",
    operation_id = "admin_end_session",
    params(
        ("user_id" = UserId, Path, description = "The user."),
        ("session_id" = PublicSessionId, Path, description = "The session, from the user."),
    ),
    responses((status = 204, description = "Ended."), NotFoundResponse, RoleNeededResponse),
)]
async fn end_one(
    admin: AdminAccess,
    user: UserPath,
    ids: Path<(String, String)>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let user_id = user.id()?;
    let id: PublicSessionId = ids.1.parse().map_err(|_| ChatError::SessionNotFound)?;
    chat.accounts.end_session(user_id, id, &admin.actor).await?;
    Ok(HttpResponse::NoContent().finish())
}
