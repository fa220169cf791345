//! One user, with the sessions and API keys.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::{self, Data, Json, ServiceConfig};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use webchat_chat::Chat;
use webchat_domain::{AccountRole, Erasure, UserId};

use super::access::{AdminAccess, AuditorAccess, UserPath, WithBody};
use super::users::AdminUser;
use crate::error::api_error::ApiError;
use crate::error::body::ErrorBody;
use crate::get_or_head::get_or_head;
use crate::openapi::responses::{InvalidBodyResponse, NotFoundResponse, RoleNeededResponse};
use crate::rest::api_keys::ApiKeyBody;
use crate::rest::sessions::{SignedInSession, signed_in_sessions};

const USER: &str = "/admin/users/{user_id}";

#[derive(OpenApi)]
#[openapi(paths(read, change, erase))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    let user = web::resource(USER)
        .route(get_or_head().to(read))
        .route(web::patch().to(change))
        .route(web::delete().to(erase));
    config.service(user);
}

/// A user with the sessions and API keys.
#[derive(Serialize, ToSchema)]
struct AdminUserDetails {
    #[serde(flatten)]
    user: AdminUser,
    /// The session that was signed in last comes first.
    sessions: Vec<SignedInSession>,
    /// The newest key comes first. Expired keys are among them.
    keys: Vec<ApiKeyBody>,
    /// The number of conversations, with archived and empty ones.
    conversation_count: u64,
    /// Whether the operator lets administrators and auditors read the user's conversations.
    conversation_access: bool,
}

/// The changes of a user. Omitted fields stay unchanged.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AdminUserChanges)]
struct Changes {
    /// The new role. A change ends the user's sessions.
    role: Option<AccountRole>,
    /// Whether the account is disabled. Disabling it ends the user's sessions; running answers are completed.
    disabled: Option<bool>,
}

/// Returns a user with the sessions and API keys.
#[utoipa::path(
    get,
    path = USER,
    tag = "admin",
    operation_id = "admin_read_user",
    params(("user_id" = UserId, Path, description = "The user.")),
    responses((status = 200, body = AdminUserDetails), NotFoundResponse, RoleNeededResponse),
)]
async fn read(
    auditor: AuditorAccess,
    user: UserPath,
    chat: Data<Chat>,
) -> Result<Json<AdminUserDetails>, ApiError> {
    let user_id = user.id()?;
    let user = chat.accounts.get(user_id).await?.into();
    let sessions = chat.accounts.sessions(user_id).await?;
    let sessions = signed_in_sessions(sessions, auditor.session.session_id);
    let keys = chat.api_keys.list(user_id).await?.into_iter().map(ApiKeyBody::from).collect();
    let conversation_count = chat.conversations.count(user_id).await?;
    let conversation_access = chat.conversation_access.is_allowed();
    Ok(Json(AdminUserDetails { user, sessions, keys, conversation_count, conversation_access }))
}

/// Changes the role of a user, and disables or enables the account.
#[utoipa::path(
    patch,
    path = USER,
    tag = "admin",
    operation_id = "admin_change_user",
    params(("user_id" = UserId, Path, description = "The user.")),
    request_body(content = Changes, example = json!({"role": "auditor", "disabled": false})),
    responses(
        (status = 200, body = AdminUser),
        (status = 409, description = "No active administrator would remain.", body = ErrorBody),
        NotFoundResponse,
        RoleNeededResponse,
        InvalidBodyResponse,
    ),
)]
async fn change(
    WithBody(admin, changes): WithBody<AdminAccess, Changes>,
    user: UserPath,
    chat: Data<Chat>,
) -> Result<Json<AdminUser>, ApiError> {
    let user_id = user.id()?;
    let Changes { role, disabled } = changes;
    let account = chat.accounts.change(user_id, role, disabled, &admin.actor).await?;
    Ok(Json(account.into()))
}

/// Deletes the account of a user with all of its data: disables it at once, and erases the data in the background.
#[utoipa::path(
    delete,
    path = USER,
    tag = "admin",
    operation_id = "admin_erase_user",
    params(("user_id" = UserId, Path, description = "The user.")),
    responses(
        (
            status = 202,
            description = "The data is being deleted. This is the receipt, whose address is in `Location`.",
            body = Erasure
        ),
        (status = 409, description = "No active administrator would remain.", body = ErrorBody),
        NotFoundResponse,
        RoleNeededResponse,
    ),
)]
async fn erase(
    admin: AdminAccess,
    user: UserPath,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let erasure = chat.erasures.request(user.id()?, &admin.actor).await?;
    // Relative to the address of the user, because a proxy may have added a prefix.
    let receipt = format!("../erasures/{}", erasure.erasure_id);
    Ok(HttpResponse::Accepted().insert_header((LOCATION, receipt)).json(erasure))
}
