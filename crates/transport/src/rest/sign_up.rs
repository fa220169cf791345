//! Adding an account of one's own, if the operator allows it.

use actix_web::HttpRequest;
use actix_web::web::{self, Data, Json, ServiceConfig};
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::Chat;
use webchat_domain::{AccountName, Password};

use super::accounts::{AccountBody, are_passwords_possible, attempt, finish_sign_in};
use crate::error::api_error::ApiError;
use crate::error::body::ErrorBody;
use crate::extract::body::Body;
use crate::extract::new_users::NewUserLimiter;
use crate::extract::session::AnySession;
use crate::openapi::responses::{InvalidBodyResponse, NotFoundResponse};
use crate::settings::SignUp;

const SIGN_UP: &str = "/auth/sign-up";

#[derive(OpenApi)]
#[openapi(paths(sign_up))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource(SIGN_UP).route(web::post().to(sign_up)));
}

/// The name and the password of a new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    /// The name: letters and digits of any script, and the characters `.`, `_`, `-`, `@` and `+`.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$")]
    name: AccountName,
    /// The password, which must not be easy to guess.
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 1024)]
    password: Password,
    /// Whether the conversations of this browser become those of the account.
    #[serde(default)]
    adopt_conversations: bool,
}

/// Adds an account, and signs its user in. The response sets the cookie of a new session.
#[utoipa::path(
    post,
    path = SIGN_UP,
    tag = "accounts",
    operation_id = "sign_up",
    request_body(
        content = NewAccount,
        example = json!({"name": "alice", "password": "three tides a day"})
    ),
    responses(
        (status = 200, body = AccountBody),
        (status = 403, description = "The name has none of the allowed domains.", body = ErrorBody),
        (status = 409, description = "Another account has the name.", body = ErrorBody),
        (status = 429, description = "Too many new users.", body = ErrorBody),
        NotFoundResponse,
        InvalidBodyResponse,
    ),
)]
async fn sign_up(
    request: HttpRequest,
    browser: AnySession,
    account: Body<NewAccount>,
    chat: Data<Chat>,
    sign_up: Data<SignUp>,
    limiter: Data<NewUserLimiter>,
) -> Result<Json<AccountBody>, ApiError> {
    let NewAccount { name, password, adopt_conversations } = account.0;
    if !sign_up.is_possible || !are_passwords_possible(&request) {
        return Err(ApiError::NotFound);
    }
    if !sign_up.allows(&name) {
        return Err(ApiError::DomainNotAllowed(sign_up.domains.join(", ")));
    }
    limiter.check(browser.address.network())?;
    let attempt = attempt(&request, &browser, name.to_string(), password, adopt_conversations);
    let signed_in = chat.accounts.sign_up(name, attempt).await?;
    finish_sign_in(&request, &chat, browser, signed_in).await
}
