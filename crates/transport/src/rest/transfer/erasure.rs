//! The erasure of the user's own account.

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::Chat;
use webchat_domain::{Erasure, Password};

use crate::error::api_error::ApiError;
use crate::error::body::ErrorBody;
use crate::extract::body::Body;
use crate::extract::session::SignedIn;
use crate::extract::session::cookie::set_signed_out;
use crate::openapi::responses::InvalidBodyResponse;
use crate::rest::accounts::confirm_user;

const ERASURE: &str = "/me/erasure";

#[derive(OpenApi)]
#[openapi(paths(erase))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource(ERASURE).route(web::post().to(erase)));
}

/// The confirmation of a user who deletes the own account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ErasureRequest {
    /// The password, if the account has one.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password, min_length = 1, max_length = 1024, nullable = false)]
    password: Option<Password>,
}

/// Deletes the account of the user with all of its data, and signs the user out. Users without a password must have
/// signed in within the last ten minutes.
#[utoipa::path(
    post,
    path = ERASURE,
    tag = "accounts",
    operation_id = "erase_me",
    request_body(content = ErasureRequest, example = json!({"password": "three tides a day"})),
    responses(
        (status = 202, description = "The data is being deleted. This is the receipt.", body = Erasure),
        (
            status = 401,
            description = "Nobody is signed in, or the password is wrong.",
            body = ErrorBody
        ),
        (status = 403, description = "The sign-in is too old.", body = ErrorBody),
        (status = 409, description = "No active administrator would remain.", body = ErrorBody),
        InvalidBodyResponse,
    ),
)]
async fn erase(
    request: HttpRequest,
    user: SignedIn,
    body: Body<ErasureRequest>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    confirm_user(&request, &user, &chat, body.0.password).await?;
    let SignedIn { session, browser } = user;
    let erasure = chat.erasures.request(session.user_id, &browser.actor(&request)).await?;
    set_signed_out(&request)?;
    Ok(HttpResponse::Accepted().json(erasure))
}
