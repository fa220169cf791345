//! Signing in and out, and the account of the user.

use actix_web::http::header::USER_AGENT;
use actix_web::web::{self, Data, Json, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::{ArchiveFilter, Chat, ChatError, SignInAttempt};
use webchat_domain::{Account, AccountName, AccountRole, GroupName, Password, Session, Timestamp};

use crate::error::api_error::ApiError;
use crate::error::body::ErrorBody;
use crate::extract::body::Body;
use crate::extract::credential::Credential;
use crate::extract::session::cookie::{known_device, set_signed_in, set_signed_out};
use crate::extract::session::{AnySession, SignedIn};
use crate::get_or_head::get_or_head;
use crate::openapi::responses::{InvalidBodyResponse, NotFoundResponse};
use crate::settings::{AuthMode, PasswordSignIn, PublicUrl, SignUp};
use crate::text::truncate;

const ME: &str = "/me";
const SIGN_IN: &str = "/auth/sign-in";
const SIGN_OUT: &str = "/auth/sign-out";
const PASSWORD: &str = "/auth/password";

/// The maximum length of the `User-Agent` that is kept with a session, in characters.
const MAX_DEVICE_CHARS: usize = 200;

#[derive(OpenApi)]
#[openapi(paths(me, sign_in, sign_out, change_password))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource(ME).route(get_or_head().to(me)))
        .service(web::resource(SIGN_IN).route(web::post().to(sign_in)))
        .service(web::resource(SIGN_OUT).route(web::post().to(sign_out)))
        .service(web::resource(PASSWORD).route(web::post().to(change_password)));
}

/// Who uses this browser, and whether they can or must sign in.
#[derive(Serialize, ToSchema)]
struct Me {
    auth: AuthMode,
    /// The account of the user who is signed in; `null` if nobody is.
    #[schema(required = true)]
    account: Option<AccountBody>,
    /// How the user of the account is known; `null` if nobody is signed in.
    #[schema(required = true)]
    known_by: Option<KnownBy>,
    /// Whether the user has conversations that are not archived. An account can adopt those of an anonymous user at its
    /// first sign-in.
    has_conversations: bool,
    /// Whether visitors may add accounts of their own.
    can_sign_up: bool,
}

/// How the user of a request is known.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum KnownBy {
    /// By the session cookie, after a sign-in.
    Session,
    /// By an API key.
    ApiKey,
    /// By a proxy, which has signed the user in.
    Proxy,
}

/// The account of a user.
#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
pub(super) struct AccountBody {
    name: AccountName,
    role: AccountRole,
    /// The groups of the user, in the order of their names.
    groups: Vec<GroupName>,
    created_at: Timestamp,
    /// Whether the user can sign in with a password.
    has_password: bool,
}

impl From<Account> for AccountBody {
    fn from(account: Account) -> Self {
        let Account { name, role, groups, created_at, password, .. } = account;
        let groups = groups.names().into_iter().cloned().collect();
        Self { name, role, groups, created_at, has_password: password.is_some() }
    }
}

/// A name and a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    /// The name of the account. Upper and lower case are equal.
    #[schema(max_length = 64)]
    name: String,
    #[schema(value_type = String, format = Password, min_length = 1, max_length = 1024)]
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
    #[schema(value_type = String, format = Password, min_length = 1, max_length = 1024)]
    password: Password,
    /// The new password, which must not be easy to guess.
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 1024)]
    new_password: Password,
    /// Whether the conversations of this browser become those of the account, if this is its first sign-in.
    #[serde(default)]
    adopt_conversations: bool,
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
    sign_up: Data<SignUp>,
) -> Result<Json<Me>, ApiError> {
    let auth = AuthMode::of(&request);
    let can_sign_up = sign_up.is_possible && are_passwords_possible(&request);
    let user = browser.session.map(|session| session.user_id);
    let Some(user_id) = user.filter(|_| auth != AuthMode::None) else {
        return Ok(Json(Me {
            auth,
            account: None,
            known_by: None,
            has_conversations: false,
            can_sign_up,
        }));
    };
    let account = chat.accounts.find(user_id).await?.map(AccountBody::from);
    let page = chat.conversations.list(user_id, ArchiveFilter::Active, None, 1).await?;
    let known_by = account.as_ref().map(|_| match browser.credential {
        None => KnownBy::Session,
        Some(Credential::Key(_)) => KnownBy::ApiKey,
        Some(Credential::Proxy { .. }) => KnownBy::Proxy,
    });
    let has_conversations = !page.items.is_empty();
    Ok(Json(Me { auth, account, known_by, has_conversations, can_sign_up }))
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
    check_passwords_possible(&request)?;
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
    check_passwords_possible(&request)?;
    let PasswordChange { name, password, new_password, adopt_conversations } = change.0;
    let attempt = attempt(&request, &browser, name, password, adopt_conversations);
    let signed_in = chat.accounts.change_password(attempt, new_password).await?;
    finish_sign_in(&request, &chat, browser, signed_in).await
}

/// How to sign out of the identity provider, too.
#[derive(Serialize, ToSchema)]
struct SignedOut {
    /// The address at which the browser signs out of the identity provider. It returns to this server afterwards.
    #[schema(value_type = String, format = "uri")]
    sign_out_url: Url,
}

/// Ends the session of this browser. If it had conversations before the sign-in, it returns to them.
#[utoipa::path(
    post,
    path = SIGN_OUT,
    tag = "accounts",
    operation_id = "sign_out",
    responses(
        (
            status = 200,
            description = "Signed out of this server, and still signed in to the identity provider.",
            body = SignedOut
        ),
        (status = 204, description = "Signed out, or not signed in before."),
    ),
)]
async fn sign_out(
    request: HttpRequest,
    browser: AnySession,
    chat: Data<Chat>,
    public_url: Data<PublicUrl>,
) -> Result<HttpResponse, ApiError> {
    let actor = browser.actor(&request);
    let session = browser.session.filter(|session| session.sign_in.is_some());
    let Some(session) = session else { return Ok(HttpResponse::NoContent().finish()) };
    chat.accounts.sign_out(&session, &actor).await?;
    set_signed_out(&request)?;
    let sign_out_url = match &public_url.0 {
        Some(public_url) => chat.identity_providers.sign_out_url(&session, public_url).await,
        None => None,
    };
    Ok(match sign_out_url {
        Some(sign_out_url) => HttpResponse::Ok().json(SignedOut { sign_out_url }),
        None => HttpResponse::NoContent().finish(),
    })
}

/// Fails if nobody can sign in to this server with a password.
fn check_passwords_possible(request: &HttpRequest) -> Result<(), ApiError> {
    if are_passwords_possible(request) { Ok(()) } else { Err(ApiError::NotFound) }
}

/// Returns whether users can sign in to this server with a password.
pub(super) fn are_passwords_possible(request: &HttpRequest) -> bool {
    let password_sign_in = request.app_data::<Data<PasswordSignIn>>();
    AuthMode::of(request) != AuthMode::None && password_sign_in.is_none_or(|allowed| allowed.0)
}

/// Returns the browser and system of a client, for the list of sessions; empty if unknown.
pub(super) fn user_agent(request: &HttpRequest) -> String {
    let value = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    truncate(value.unwrap_or_default(), MAX_DEVICE_CHARS).to_owned()
}

pub(super) fn attempt(
    request: &HttpRequest,
    browser: &AnySession,
    name: String,
    password: Password,
    adopt_conversations: bool,
) -> SignInAttempt {
    SignInAttempt {
        actor: browser.actor(request),
        name,
        password,
        network: browser.address.network(),
        device: known_device(request),
        user_agent: user_agent(request),
        adopted: browser.session.clone().filter(|_| adopt_conversations),
    }
}

/// Confirms a change that outlasts the session: with the password or, if the account has none, by a recent sign-in.
pub(super) async fn confirm_user(
    request: &HttpRequest,
    user: &SignedIn,
    chat: &Chat,
    password: Option<Password>,
) -> Result<(), ApiError> {
    let SignedIn { session, browser } = user;
    let account = chat.accounts.find(session.user_id).await?.ok_or(ChatError::AccountNotFound)?;
    if account.password.is_none() {
        return Ok(chat.accounts.check_recent_sign_in(session)?);
    }
    let password = password.ok_or(ChatError::PasswordNeeded)?;
    let attempt = attempt(request, browser, account.name.to_string(), password, false);
    Ok(chat.accounts.confirm_password(attempt).await?)
}

/// Sets the cookie of the new session. A session of another account in this browser ends.
pub(super) async fn finish_sign_in(
    request: &HttpRequest,
    chat: &Chat,
    browser: AnySession,
    (session, account): (Session, Account),
) -> Result<Json<AccountBody>, ApiError> {
    let actor = browser.actor(request);
    let (before, anonymous) = match browser.session {
        Some(before) if before.sign_in.is_some() => (Some(before), None),
        // An adopted session no longer exists.
        anonymous => (None, anonymous.filter(|before| before.user_id != session.user_id)),
    };
    if let Some(before) = before {
        chat.accounts.sign_out(&before, &actor).await?;
    }
    set_signed_in(request, &session, &account, anonymous.as_ref())?;
    Ok(Json(account.into()))
}
