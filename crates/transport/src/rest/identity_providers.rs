//! Signing in with identity providers (OpenID Connect).

use actix_web::http::header::{CONTENT_TYPE, LOCATION};
use actix_web::web::{self, Bytes, Data, Json, Path, Query, ServiceConfig};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use tracing_actix_web::RequestId;
use utoipa::{IntoParams, OpenApi, ToSchema};
use webchat_chat::{Chat, ProviderResponse, ProviderSignInError, SigningBrowser};
use webchat_domain::{Account, Session, error_chain};

use super::accounts::{are_passwords_possible, finish_sign_in, user_agent};
use crate::base_path::BasePath;
use crate::error::api_error::ApiError;
use crate::error::body::ErrorBody;
use crate::error::log::ErrorLog;
use crate::extract::actor::client;
use crate::extract::client_address::ClientAddress;
use crate::extract::pending_sign_ins::{MAX_SIGN_IN_TIME, PendingSignIn, PendingSignIns};
use crate::extract::query;
use crate::extract::session::AnySession;
use crate::get_or_head::get_or_head;
use crate::middleware::origin::is_cross_site;
use crate::openapi::responses::NotFoundResponse;
use crate::security_log::{SecurityEvent, SecurityLog};
use crate::settings::AuthMode;

const PROVIDERS: &str = "/auth/providers";
const BEGIN: &str = "/auth/oidc/{provider}";
const CALLBACK: &str = "/auth/oidc/{provider}/callback";
const LOGOUT: &str = "/auth/oidc/{provider}/backchannel-logout";

/// The maximum length of the path to which a browser returns, in bytes.
const MAX_RETURN_PATH_BYTES: usize = 512;

#[derive(OpenApi)]
#[openapi(paths(providers, begin, callback, backchannel_logout))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource(PROVIDERS).route(get_or_head().to(providers)))
        .service(web::resource(BEGIN).route(web::get().to(begin)))
        .service(web::resource(CALLBACK).route(web::get().to(callback)))
        .service(web::resource(LOGOUT).route(web::post().to(backchannel_logout)));
}

/// The methods to sign in.
#[derive(Serialize, ToSchema)]
struct SignInMethods {
    /// Whether users can sign in with a name and a password.
    password: bool,
    /// The identity providers.
    providers: Vec<ProviderBody>,
}

/// An identity provider.
#[derive(Serialize, ToSchema)]
#[schema(as = IdentityProvider)]
struct ProviderBody {
    /// Identifies the provider in paths.
    #[schema(examples("entra"))]
    id: String,
    /// The name that users see.
    #[schema(examples("Entra ID"))]
    name: String,
}

/// What the page sends to begin a sign-in.
#[derive(Deserialize, IntoParams)]
struct Begin {
    /// The path of the page to which the browser returns, for example `/c/…`.
    #[serde(default)]
    #[param(value_type = Option<String>, max_length = 512)]
    return_to: Option<String>,
    /// Whether the conversations of this browser become those of the account, if this is its first sign-in.
    #[serde(default, deserialize_with = "query::flag")]
    #[param(value_type = Option<bool>)]
    adopt_conversations: Option<bool>,
}

/// What the provider sends back with the browser.
#[derive(Default, Deserialize, IntoParams)]
struct Callback {
    #[serde(default)]
    state: String,
    /// The authorization code.
    #[serde(default)]
    code: Option<String>,
    /// Why the provider has not signed the user in.
    #[serde(default)]
    error: Option<String>,
    /// The issuer.
    #[serde(default)]
    iss: Option<String>,
}

/// What a provider sends when a user signs out there.
#[derive(Deserialize, ToSchema)]
struct Logout {
    /// A signed token, which names the session or its user.
    logout_token: String,
}

/// Returns the methods to sign in.
#[utoipa::path(
    get,
    path = PROVIDERS,
    tag = "accounts",
    operation_id = "sign_in_methods",
    responses((status = 200, body = SignInMethods)),
)]
async fn providers(request: HttpRequest, chat: Data<Chat>) -> Json<SignInMethods> {
    let is_possible = AuthMode::of(&request) != AuthMode::None;
    let providers = chat.identity_providers.list().iter().filter(|_| is_possible);
    let providers = providers.map(|provider| ProviderBody {
        id: provider.client.id().to_owned(),
        name: provider.client.name().to_owned(),
    });
    Json(SignInMethods {
        password: are_passwords_possible(&request),
        providers: providers.collect(),
    })
}

/// Sends the browser to an identity provider. If the provider is not available, the browser returns to the page, whose
/// address then has the parameter `sign_in_error`.
#[utoipa::path(
    get,
    path = BEGIN,
    tag = "accounts",
    operation_id = "begin_sign_in",
    params(("provider" = String, Path, description = "The id of the provider."), Begin),
    responses((status = 303, description = "To the provider, or back to the page."), NotFoundResponse),
)]
async fn begin(
    request: HttpRequest,
    provider: Path<String>,
    parameters: Query<Begin>,
    browser: AnySession,
    chat: Data<Chat>,
    sign_ins: Data<PendingSignIns>,
) -> Result<HttpResponse, ApiError> {
    check_possible(&request)?;
    let Begin { return_to, adopt_conversations } = parameters.into_inner();
    let return_to = return_to.as_deref().and_then(own_path).unwrap_or("/").to_owned();
    // A link of another site must not sign anybody in: the user decides on the page.
    if is_cross_site(request.headers()) {
        return Ok(redirect(&page_url(&request, &return_to)));
    }
    let authorization = match sign_ins.check_rate(browser.address.network()) {
        Ok(()) => chat.identity_providers.begin(&provider).await,
        Err(error) => Err(error),
    };
    let authorization = match authorization {
        Ok(authorization) => authorization,
        Err(error) => return fail(&request, &provider, &return_to, &error),
    };
    let pending = PendingSignIn {
        provider: provider.into_inner(),
        state: authorization.state,
        secrets: authorization.secrets,
        return_to,
        adopts: browser
            .session
            .filter(|_| adopt_conversations == Some(true))
            .map(|session| session.session_id),
        expires_at: chat.sessions.now().plus(MAX_SIGN_IN_TIME),
    };
    let mut response = redirect(authorization.url.as_str());
    sign_ins.add(&request, &mut response, &pending).map_err(ApiError::internal)?;
    Ok(response)
}

/// Signs a user in whom a provider sends back. The response sets the cookie of a new session. If nobody is signed in, the
/// address of the page has the parameter `sign_in_error`.
#[utoipa::path(
    get,
    path = CALLBACK,
    tag = "accounts",
    operation_id = "complete_sign_in",
    params(("provider" = String, Path, description = "The id of the provider."), Callback),
    responses((status = 303, description = "To the page."), NotFoundResponse),
)]
async fn callback(
    request: HttpRequest,
    provider: Path<String>,
    browser: AnySession,
    chat: Data<Chat>,
    sign_ins: Data<PendingSignIns>,
) -> Result<HttpResponse, ApiError> {
    check_possible(&request)?;
    let parameters = Query::<Callback>::from_query(request.query_string());
    let parameters = parameters.map(Query::into_inner).unwrap_or_default();
    let state = parameters.state.clone();
    let pending = sign_ins.find(&request, &state, chat.sessions.now());
    let Some(pending) = pending.filter(|pending| pending.provider == *provider) else {
        return fail(&request, &provider, "/", &ProviderSignInError::SignInExpired);
    };
    let return_to = pending.return_to.clone();
    let mut response = match complete(&request, pending, parameters, &browser, &chat).await {
        Ok(signed_in) => match finish_sign_in(&request, &chat, browser, signed_in).await {
            Ok(_) => redirect(&page_url(&request, &return_to)),
            Err(ApiError::Chat(error)) => fail(&request, &provider, &return_to, &error.into())?,
            Err(error) => return Err(error),
        },
        Err(error) => fail(&request, &provider, &return_to, &error)?,
    };
    sign_ins.remove(&mut response, &state);
    Ok(response)
}

async fn complete(
    request: &HttpRequest,
    pending: PendingSignIn,
    Callback { state, code, error, iss }: Callback,
    browser: &AnySession,
    chat: &Chat,
) -> Result<(Session, Account), ProviderSignInError> {
    let Some(code) = code.filter(|_| error.is_none()) else {
        return Err(ProviderSignInError::denied(&error.unwrap_or_default()));
    };
    let signing = SigningBrowser {
        user_agent: user_agent(request),
        adopted: browser.session.clone().filter(|own| pending.adopts == Some(own.session_id)),
        network: browser.address.network(),
        actor: client(request),
    };
    let response = ProviderResponse { code, state, issuer: iss };
    chat.identity_providers.complete(&pending.provider, response, pending.secrets, signing).await
}

/// Ends the sessions of a user who has signed out of a provider, and closes their live connections.
#[utoipa::path(
    post,
    path = LOGOUT,
    tag = "accounts",
    operation_id = "backchannel_logout",
    params(("provider" = String, Path, description = "The id of the provider.")),
    request_body(content = Logout, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The sessions have ended."),
        (status = 400, description = "The token is invalid, or was used before.", body = ErrorBody),
        NotFoundResponse,
    ),
)]
async fn backchannel_logout(
    request: HttpRequest,
    provider: Path<String>,
    body: Bytes,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    check_possible(&request)?;
    let invalid = || ApiError::InvalidRequest("The logout token is invalid.".to_owned());
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(|value| value.starts_with("application/x-www-form-urlencoded")) {
        return Err(ApiError::UnsupportedMediaType);
    }
    let text = std::str::from_utf8(&body).map_err(|_| invalid())?;
    let Logout { logout_token } =
        Query::<Logout>::from_query(text).map_err(|_| invalid())?.into_inner();
    match chat.identity_providers.end_sessions(&provider, &logout_token, &client(&request)).await {
        Ok(()) => Ok(HttpResponse::Ok().finish()),
        Err(ProviderSignInError::ProviderNotFound) => Err(ApiError::NotFound),
        Err(ProviderSignInError::SignInUnavailable(error)) => Err(error.into()),
        Err(error @ ProviderSignInError::ProviderUnavailable(_)) => {
            log(&request, &provider, &error, "failed to verify a logout token");
            Err(invalid())
        }
        Err(error) => {
            count(&request, SecurityEvent::SignInFailed);
            tracing::debug!(error = error_chain(&error), "refused a logout token");
            Err(invalid())
        }
    }
}

/// Fails if nobody can sign in to this server.
fn check_possible(request: &HttpRequest) -> Result<(), ApiError> {
    if AuthMode::of(request) == AuthMode::None { Err(ApiError::NotFound) } else { Ok(()) }
}

/// Returns to the page, which explains the error. The log has its causes.
fn fail(
    request: &HttpRequest,
    provider: &str,
    return_to: &str,
    error: &ProviderSignInError,
) -> Result<HttpResponse, ApiError> {
    if let ProviderSignInError::ProviderNotFound = error {
        return Err(ApiError::NotFound);
    }
    log(request, provider, error, "failed to sign in with an identity provider");
    let page = page_url(request, return_to);
    Ok(redirect(&format!("{page}?sign_in_error={}", error.code())))
}

/// Counts a failure that anybody can cause as a security event, and logs its causes.
fn log(request: &HttpRequest, provider: &str, error: &ProviderSignInError, message: &str) {
    match error {
        ProviderSignInError::SignInExpired => return count(request, SecurityEvent::SignInFailed),
        ProviderSignInError::TooManySignIns => return count(request, SecurityEvent::SignInLimited),
        ProviderSignInError::SignInDenied(_) | ProviderSignInError::SignInFailed(_) => {
            count(request, SecurityEvent::SignInFailed);
        }
        _ => {}
    }
    if let Some(log) = request.app_data::<Data<ErrorLog>>() {
        let request_id = request.extensions().get::<RequestId>().map(ToString::to_string);
        log.log_sign_in(request_id.as_deref(), provider, error, message);
    }
}

fn count(request: &HttpRequest, event: SecurityEvent) {
    if let Some(log) = request.app_data::<Data<SecurityLog>>() {
        log.record(event, ClientAddress::of(request).network(), None);
    }
}

fn redirect(location: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, location)).finish()
}

/// Returns the address of a path of the page.
fn page_url(request: &HttpRequest, path: &str) -> String {
    let base_path = request.app_data::<Data<BasePath>>();
    format!("{}{path}", base_path.map_or("", |base_path| base_path.as_str()))
}

/// Returns a path of the page, or `None` for anything that could lead a browser elsewhere.
fn own_path(text: &str) -> Option<&str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '/');
    let is_own = text.len() <= MAX_RETURN_PATH_BYTES
        && text.starts_with('/')
        && !text.contains("//")
        && !text.contains("..")
        && text.chars().all(is_plain);
    is_own.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_return_only_to_own_paths() {
        for path in ["/", "/c/6f1f7a52-3f0e-4c1a-9d57-0a8f1a0f7f11", "/c/a"] {
            assert_eq!(own_path(path), Some(path));
        }
        for path in [
            "",
            "c/a",
            "//evil.example",
            "/\\evil.example",
            "/c//evil",
            "https://evil.example",
            "/../other",
            "/c?x=1",
            "/c#x",
            "/c\r\nx: y",
            "/%2f/evil.example",
            "/é",
            &format!("/{}", "a".repeat(512)),
        ] {
            assert_eq!(own_path(path), None, "{path:?}");
        }
    }
}
