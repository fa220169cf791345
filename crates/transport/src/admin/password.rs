//! Resetting the password of a user.

use actix_web::web::{self, Data, Json, ServiceConfig};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use webchat_chat::Chat;
use webchat_domain::{Password, UserId};

use super::access::{AdminAccess, UserPath, WithBody};
use crate::error::api_error::ApiError;
use crate::openapi::responses::{InvalidBodyResponse, NotFoundResponse, RoleNeededResponse};

const PASSWORD: &str = "/admin/users/{user_id}/password";

#[derive(OpenApi)]
#[openapi(paths(reset))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource(PASSWORD).route(web::post().to(reset)));
}

/// A password that the user must change.
pub(super) struct InitialPassword {
    pub(super) password: Password,
    /// Its text, if it was generated.
    pub(super) one_time_password: Option<String>,
}

/// Returns the given password, or generates one.
///
/// # Errors
/// If the system's random number generator fails.
pub(super) fn generate(given: Option<Password>) -> Result<InitialPassword, ApiError> {
    if let Some(password) = given {
        return Ok(InitialPassword { password, one_time_password: None });
    }
    let password = Password::generate().map_err(|error| ApiError::internal(error.to_string()))?;
    let one_time_password = Some(password.expose().to_owned());
    Ok(InitialPassword { password, one_time_password })
}

/// The new password of a user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordReset {
    /// The password; missing to generate one.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password, min_length = 12, max_length = 1024, nullable = false)]
    password: Option<Password>,
}

/// The result of a reset.
#[derive(Serialize, ToSchema)]
struct ResetPassword {
    /// The generated password, which can't be read again; `null` if none was generated.
    #[schema(required = true)]
    one_time_password: Option<String>,
}

/// Sets a password, which the user must change at the next sign-in, and ends the user's sessions.
#[utoipa::path(
    post,
    path = PASSWORD,
    tag = "admin",
    operation_id = "admin_reset_password",
    params(("user_id" = UserId, Path, description = "The user.")),
    request_body(content = PasswordReset, example = json!({})),
    responses(
        (status = 200, body = ResetPassword),
        NotFoundResponse,
        RoleNeededResponse,
        InvalidBodyResponse,
    ),
)]
async fn reset(
    WithBody(admin, body): WithBody<AdminAccess, PasswordReset>,
    user: UserPath,
    chat: Data<Chat>,
) -> Result<Json<ResetPassword>, ApiError> {
    let user_id = user.id()?;
    if user_id == admin.session.user_id {
        let text = "You can't reset your own password. Change it with your current one.";
        return Err(ApiError::InvalidRequest(text.to_owned()));
    }
    let account = chat.accounts.get(user_id).await?;
    let InitialPassword { password, one_time_password } = generate(body.password)?;
    chat.accounts.reset_password(&account, password, &admin.actor).await?;
    Ok(Json(ResetPassword { one_time_password }))
}
