//! The user's API keys.

use std::num::NonZeroU32;

use actix_web::web::{self, Data, Json, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use governor::Quota;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use webchat_chat::{Chat, ChatError, NewApiKey};
use webchat_domain::{ApiKey, ApiKeyId, ApiKeyName, ApiKeyScopes, Password, Timestamp, UserId};

use super::accounts::confirm_user;
use crate::error::api_error::ApiError;
use crate::error::body::ErrorBody;
use crate::extract::body::Body;
use crate::extract::session::SignedIn;
use crate::get_or_head::get_or_head;
use crate::openapi::responses::{InvalidBodyResponse, NotFoundResponse};
use crate::quota::KeyedRateLimiter;

const KEYS: &str = "/me/keys";
const KEY: &str = "/me/keys/{key_id}";

/// The maximum number of keys that a user adds and revokes per hour. Each of them adds an entry to the audit log.
const MAX_CHANGES_PER_HOUR: u32 = 120;

/// Limits the number of keys that a user adds and revokes.
pub(crate) struct KeyChangeRate(KeyedRateLimiter<UserId>);

impl Default for KeyChangeRate {
    fn default() -> Self {
        let rate = NonZeroU32::new(MAX_CHANGES_PER_HOUR);
        Self(KeyedRateLimiter::new(rate.map(Quota::per_hour)))
    }
}

impl KeyChangeRate {
    fn check(&self, user_id: UserId) -> Result<(), ApiError> {
        self.0.check(&user_id).map_err(|retry_after| ApiError::TooManyKeyChanges { retry_after })
    }
}

#[derive(OpenApi)]
#[openapi(paths(list, add, revoke))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource(KEYS).route(get_or_head().to(list)).route(web::post().to(add)))
        .service(web::resource(KEY).route(web::delete().to(revoke)));
}

/// The API keys of the user.
#[derive(Serialize, ToSchema)]
struct ApiKeys {
    /// The newest key comes first. Expired keys are among them.
    keys: Vec<ApiKeyBody>,
}

/// A key with which programs act on behalf of the user.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(crate) struct ApiKeyBody {
    /// Identifies the key, and gives no access.
    key_id: ApiKeyId,
    name: ApiKeyName,
    scopes: ApiKeyScopes,
    created_at: Timestamp,
    /// When the key expires; `null` if it does not.
    #[schema(required = true)]
    expires_at: Option<Timestamp>,
    /// When the key was last used, to the minute; `null` if it never was.
    #[schema(required = true)]
    last_used_at: Option<Timestamp>,
}

impl From<ApiKey> for ApiKeyBody {
    fn from(key: ApiKey) -> Self {
        Self {
            key_id: key.key_id,
            name: key.name,
            scopes: key.scopes,
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
        }
    }
}

/// The description of a new key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewKey {
    name: ApiKeyName,
    scopes: ApiKeyScopes,
    /// When the key expires; `null` or missing if it does not.
    #[serde(default)]
    expires_at: Option<Timestamp>,
    /// The user's password; missing if the account has none.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password, min_length = 1, max_length = 1024, nullable = false)]
    password: Option<Password>,
}

/// A new key with its secret.
#[derive(Serialize, ToSchema)]
struct AddedKey {
    #[serde(flatten)]
    key: ApiKeyBody,
    /// What programs send as `Authorization: Bearer …`. It is not stored, so it can't be read again.
    #[schema(examples("wc_3f1c…"))]
    secret: String,
}

/// Returns the API keys of the user, without their secrets.
#[utoipa::path(
    get,
    path = KEYS,
    tag = "accounts",
    operation_id = "list_api_keys",
    responses(
        (status = 200, body = ApiKeys),
        (status = 401, description = "Nobody is signed in.", body = ErrorBody),
    ),
)]
async fn list(user: SignedIn, chat: Data<Chat>) -> Result<Json<ApiKeys>, ApiError> {
    let session = user.session;
    let keys = chat.api_keys.list(session.user_id).await?;
    Ok(Json(ApiKeys { keys: keys.into_iter().map(ApiKeyBody::from).collect() }))
}

/// Adds an API key. Only this response contains its secret. Users without a password must have signed in within the last
/// ten minutes.
#[utoipa::path(
    post,
    path = KEYS,
    tag = "accounts",
    operation_id = "add_api_key",
    request_body(
        content = NewKey,
        example = json!({
            "name": "nightly report", "scopes": ["read", "export"], "password": "three tides a day"
        })
    ),
    responses(
        (status = 201, body = AddedKey),
        (
            status = 401,
            description = "Nobody is signed in, or the password is wrong.",
            body = ErrorBody
        ),
        (status = 403, description = "The sign-in is too old.", body = ErrorBody),
        (status = 409, description = "The user has too many keys.", body = ErrorBody),
        (status = 429, description = "Too many keys were added or revoked.", body = ErrorBody),
        InvalidBodyResponse,
    ),
)]
async fn add(
    request: HttpRequest,
    user: SignedIn,
    new: Body<NewKey>,
    chat: Data<Chat>,
    rate: Data<KeyChangeRate>,
) -> Result<HttpResponse, ApiError> {
    let NewKey { name, scopes, expires_at, password } = new.0;
    // A key may outlive a session that somebody else uses.
    confirm_user(&request, &user, &chat, password).await?;
    let SignedIn { session, browser } = user;
    rate.check(session.user_id)?;
    let new = NewApiKey { name, scopes, expires_at };
    let (key, secret) = chat.api_keys.add(session.user_id, new, &browser.actor(&request)).await?;
    let added = AddedKey { key: key.into(), secret: secret.expose().to_owned() };
    Ok(HttpResponse::Created().json(added))
}

/// Revokes an API key, and closes its live connections.
#[utoipa::path(
    delete,
    path = KEY,
    tag = "accounts",
    operation_id = "revoke_api_key",
    params(("key_id" = ApiKeyId, Path, description = "The key, from the list.")),
    responses(
        (status = 204, description = "Revoked."),
        (status = 401, description = "Nobody is signed in.", body = ErrorBody),
        (status = 429, description = "Too many keys were added or revoked.", body = ErrorBody),
        NotFoundResponse,
    ),
)]
async fn revoke(
    request: HttpRequest,
    user: SignedIn,
    id: Path<String>,
    chat: Data<Chat>,
    rate: Data<KeyChangeRate>,
) -> Result<HttpResponse, ApiError> {
    let SignedIn { session, browser } = user;
    let id: ApiKeyId = id.parse().map_err(|_| ChatError::KeyNotFound)?;
    rate.check(session.user_id)?;
    chat.api_keys.revoke(session.user_id, id, &browser.actor(&request)).await?;
    Ok(HttpResponse::NoContent().finish())
}
