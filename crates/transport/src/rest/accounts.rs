//! Signing in and out, and the account of the user.

use actix_web::http::header::USER_AGENT;
use actix_web::web::{self, Data, Json, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use webchat_chat::{Chat, ChatError, SignInAttempt};
use webchat_domain::{
    Account, AccountName, AccountRole, Password, PublicSessionId, Session, Timestamp,
};

use crate::error::api_error::ApiError;
use crate::error::body::ErrorBody;
use crate::extract::body::Body;
use crate::extract::session::{AnySession, set_signed_in, set_signed_out};
use crate::get_or_head::get_or_head;
use crate::openapi::responses::{InvalidBodyResponse, NotFoundResponse};
use crate::settings::AuthMode;
use crate::text::truncate;

const ME: &str = "/me";
const SESSIONS: &str = "/me/sessions";
const SESSION: &str = "/me/sessions/{session_id}";
const SIGN_IN: &str = "/auth/sign-in";
const SIGN_OUT: &str = "/auth/sign-out";
const PASSWORD: &str = "/auth/password";

/// The maximum length of the `User-Agent` that is kept with a session, in characters.
const MAX_DEVICE_CHARS: usize = 200;

#[derive(OpenApi)]
#[openapi(paths(
    me,
    sign_in,
    sign_out,
    change_password,
    sessions,
    end_session,
    end_other_sessions
))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource(ME).route(get_or_head().to(me)))
        .service(web::resource(SIGN_IN).route(web::post().to(sign_in)))
        .service(web::resource(SIGN_OUT).route(web::post().to(sign_out)))
        .service(web::resource(PASSWORD).route(web::post().to(change_password)))
        .service(
            web::resource(SESSIONS)
                .route(get_or_head().to(sessions))
                .route(web::delete().to(end_other_sessions)),
        )
        .service(web::resource(SESSION).route(web::delete().to(end_session)));
}

/// Who uses this browser, and whether they can or must sign in.
#[derive(Serialize, ToSchema)]
struct Me {
    auth: AuthMode,
    /// The account of the user who is signed in; `null` if nobody is.
    #[schema(required = true)]
    account: Option<AccountBody>,
}

/// The account of a user.
#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
struct AccountBody {
    name: AccountName,
    role: AccountRole,
    created_at: Timestamp,
}

impl From<Account> for AccountBody {
    fn from(account: Account) -> Self {
        Self { name: account.name, role: account.role, created_at: account.created_at }
    }
}

/// A name and a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    /// The name of the account. Upper and lower case are equal.
    #[schema(max_length = 64)]
    name: String,
    #[schema(value_type = String, format = Password, max_length = 1024)]
    password: Password,
    /// Whether the conversations of this browser become those of the account, if this is its first sign-in.
    #[serde(default)]
    adopt_conversations: bool,
}

/// A name, a password and a new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    /// The name of the account. Upper and lower case are equal.
    #[schema(max_length = 64)]
    name: String,
    #[schema(value_type = String, format = Password, max_length = 1024)]
    password: Password,
    /// The new password, which must not be easy to guess.
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 1024)]
    new_password: Password,
    /// Whether the conversations of this browser become those of the account, if this is its first sign-in.
    #[serde(default)]
    adopt_conversations: bool,
}

/// The sessions in which the user is signed in.
#[derive(Serialize, ToSchema)]
struct SignedInSessions {
    /// The session that was signed in last comes first.
    sessions: Vec<SignedInSession>,
}

/// A session in which the user is signed in.
#[derive(Serialize, ToSchema)]
struct SignedInSession {
    /// Identifies the session for the user, and gives no access to it.
    session_id: PublicSessionId,
    /// The `User-Agent` of the browser; empty if unknown.
    device: String,
    signed_in_at: Timestamp,
    /// When the session ends unless it is used.
    expires_at: Timestamp,
    /// Whether this is the session of the request.
    is_current: bool,
}

/// Returns who uses this browser, and whether they can or must sign in.
#[utoipa::path(
    get,
    path = ME,
    tag = "accounts",
    operation_id = "me",
    responses((status = 200, body = Me)),
)]
async fn me(
    request: HttpRequest,
    browser: AnySession,
    chat: Data<Chat>,
) -> Result<Json<Me>, ApiError> {
    let account = match browser.session {
        Some(session) => match chat.accounts.signed_in(&session).await {
            Ok(account) => Some(account.into()),
            Err(ChatError::AuthenticationRequired) => None,
            Err(error) => return Err(error.into()),
        },
        None => None,
    };
    Ok(Json(Me { auth: AuthMode::of(&request), account }))
}

/// Signs a user in. The response sets the cookie of a new session.
#[utoipa::path(
    post,
    path = SIGN_IN,
    tag = "accounts",
    operation_id = "sign_in",
    request_body(
        content = Credentials,
        example = json!({"name": "alice", "password": "three tides a day"})
    ),
    responses(
        (status = 200, body = AccountBody),
        (status = 401, description = "The name or the password is wrong.", body = ErrorBody),
        (
            status = 403,
            description = "The account is disabled, or its password must be changed first.",
            body = ErrorBody
        ),
        (status = 429, description = "Too many failed attempts.", body = ErrorBody),
        NotFoundResponse,
        InvalidBodyResponse,
    ),
)]
async fn sign_in(
    request: HttpRequest,
    browser: AnySession,
    credentials: Body<Credentials>,
    chat: Data<Chat>,
) -> Result<Json<AccountBody>, ApiError> {
    check_sign_in_possible(&request)?;
    let Credentials { name, password, adopt_conversations } = credentials.0;
    let attempt = attempt(&request, &browser, name, password, adopt_conversations);
    let signed_in = chat.accounts.sign_in(attempt).await?;
    finish_sign_in(&request, &chat, browser, signed_in).await
}

/// Changes a password, ends the sessions of its user, and signs the user in.
#[utoipa::path(
    post,
    path = PASSWORD,
    tag = "accounts",
    operation_id = "change_password",
    request_body(
        content = PasswordChange,
        example = json!({
            "name": "alice", "password": "three tides a day", "new_password": "four tides a week"
        })
    ),
    responses(
        (status = 200, body = AccountBody),
        (status = 401, description = "The name or the password is wrong.", body = ErrorBody),
        (status = 403, description = "The account is disabled.", body = ErrorBody),
        (status = 429, description = "Too many failed attempts.", body = ErrorBody),
        NotFoundResponse,
        InvalidBodyResponse,
    ),
)]
async fn change_password(
    request: HttpRequest,
    browser: AnySession,
    change: Body<PasswordChange>,
    chat: Data<Chat>,
) -> Result<Json<AccountBody>, ApiError> {
    check_sign_in_possible(&request)?;
    let PasswordChange { name, password, new_password, adopt_conversations } = change.0;
    let attempt = attempt(&request, &browser, name, password, adopt_conversations);
    let signed_in = chat.accounts.change_password(attempt, new_password).await?;
    finish_sign_in(&request, &chat, browser, signed_in).await
}

/// Ends the session of this browser. If it had conversations before the sign-in, it returns to them.
#[utoipa::path(
    post,
    path = SIGN_OUT,
    tag = "accounts",
    operation_id = "sign_out",
    responses((status = 204, description = "Signed out, or not signed in before.")),
)]
async fn sign_out(
    request: HttpRequest,
    browser: AnySession,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    if let Some(session) = browser.session.filter(|session| session.sign_in.is_some()) {
        chat.accounts.sign_out(&session).await?;
        set_signed_out(&request)?;
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Returns the sessions in which the user is signed in.
#[utoipa::path(
    get,
    path = SESSIONS,
    tag = "accounts",
    operation_id = "list_sessions",
    responses(
        (status = 200, body = SignedInSessions),
        (status = 401, description = "Nobody is signed in.", body = ErrorBody),
    ),
)]
async fn sessions(
    browser: AnySession,
    chat: Data<Chat>,
) -> Result<Json<SignedInSessions>, ApiError> {
    let current = signed_in(browser)?;
    let sessions = chat.accounts.sessions(current.user_id).await?;
    let sessions = sessions.into_iter().filter_map(|stored| {
        let sign_in = stored.session.sign_in?;
        Some(SignedInSession {
            session_id: stored.session.session_id.public(),
            device: sign_in.device,
            signed_in_at: sign_in.at,
            expires_at: stored.expires_at,
            is_current: stored.session.session_id == current.session_id,
        })
    });
    Ok(Json(SignedInSessions { sessions: sessions.collect() }))
}

/// Ends a session of the user, and closes its live connections.
#[utoipa::path(
    delete,
    path = SESSION,
    tag = "accounts",
    operation_id = "end_session",
    params(("session_id" = PublicSessionId, Path, description = "The session, from the list.")),
    responses(
        (status = 204, description = "Ended."),
        (status = 401, description = "Nobody is signed in.", body = ErrorBody),
        NotFoundResponse,
    ),
)]
async fn end_session(
    browser: AnySession,
    id: Path<String>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let current = signed_in(browser)?;
    let sessions = chat.accounts.sessions(current.user_id).await?;
    let id: PublicSessionId = id.parse().map_err(|_| ChatError::SessionNotFound)?;
    let found = sessions.into_iter().find(|stored| stored.session.session_id.public() == id);
    let stored = found.ok_or(ChatError::SessionNotFound)?;
    chat.accounts.sign_out(&stored.session).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ends the other sessions of the user, and closes their live connections.
#[utoipa::path(
    delete,
    path = SESSIONS,
    tag = "accounts",
    operation_id = "end_other_sessions",
    responses(
        (status = 204, description = "Ended."),
        (status = 401, description = "Nobody is signed in.", body = ErrorBody),
    ),
)]
async fn end_other_sessions(
    browser: AnySession,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let current = signed_in(browser)?;
    chat.accounts.end_sessions(current.user_id, Some(current.session_id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Returns the session of the user who is signed in.
fn signed_in(browser: AnySession) -> Result<Session, ApiError> {
    let session = browser.session.filter(|session| session.sign_in.is_some());
    session.ok_or_else(|| ChatError::AuthenticationRequired.into())
}

/// Fails if nobody can sign in to this server.
fn check_sign_in_possible(request: &HttpRequest) -> Result<(), ApiError> {
    if AuthMode::of(request) == AuthMode::None { Err(ApiError::NotFound) } else { Ok(()) }
}

fn attempt(
    request: &HttpRequest,
    browser: &AnySession,
    name: String,
    password: Password,
    adopt_conversations: bool,
) -> SignInAttempt {
    let device = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    SignInAttempt {
        name,
        password,
        network: browser.address.network(),
        device: truncate(device.unwrap_or_default(), MAX_DEVICE_CHARS).to_owned(),
        adopted: browser.session.clone().filter(|_| adopt_conversations),
    }
}

/// Sets the cookie of the new session. A session of another account in this browser ends.
async fn finish_sign_in(
    request: &HttpRequest,
    chat: &Chat,
    browser: AnySession,
    (session, account): (Session, Account),
) -> Result<Json<AccountBody>, ApiError> {
    let (before, anonymous) = match browser.session {
        Some(before) if before.sign_in.is_some() => (Some(before), None),
        // An adopted session no longer exists.
        anonymous => (None, anonymous.filter(|before| before.user_id != session.user_id)),
    };
    if let Some(before) = before {
        chat.accounts.sign_out(&before).await?;
    }
    set_signed_in(request, &session, anonymous.as_ref())?;
    Ok(Json(account.into()))
}
