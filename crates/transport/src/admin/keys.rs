//! Revoking the API keys of a user.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Path, ServiceConfig};
use utoipa::OpenApi;
use webchat_chat::{Chat, ChatError};
use webchat_domain::{ApiKeyId, UserId};

use super::access::{AdminAccess, UserPath};
use crate::error::api_error::ApiError;
use crate::openapi::responses::{NotFoundResponse, RoleNeededResponse};

const KEY: &str = "/admin/users/{user_id}/keys/{key_id}";

#[derive(OpenApi)]
#[openapi(paths(revoke))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource(KEY).route(web::delete().to(revoke)));
}

/// Revokes an API key of a user, and closes its live connections.
#[utoipa::path(
    delete,
    path = KEY,
    tag = "admin",
    operation_id = "admin_revoke_api_key",
    params(
        ("user_id" = UserId, Path, description = "The user."),
        ("key_id" = ApiKeyId, Path, description = "The key, from the user."),
    ),
    responses((status = 204, description = "Revoked."), NotFoundResponse, RoleNeededResponse),
)]
async fn revoke(
    admin: AdminAccess,
    user: UserPath,
    ids: Path<(String, String)>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let user_id = user.id()?;
    let id: ApiKeyId = ids.1.parse().map_err(|_| ChatError::KeyNotFound)?;
    chat.api_keys.revoke(user_id, id, &admin.actor).await?;
    Ok(HttpResponse::NoContent().finish())
}
