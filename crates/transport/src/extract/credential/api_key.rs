//! The API key of a request, and what it allows.

use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::{HttpMessage, HttpRequest};
use webchat_chat::{Chat, ChatError, Forbidden};
use webchat_domain::{ApiKey, ApiKeyScope, ApiKeySecret, Session};

use crate::settings::AuthMode;

/// The scheme of the `Authorization` header. Schemes are compared without regard to case.
const BEARER: &str = "bearer ";

/// The patterns of the routes of the OpenAI-compatible API.
const OPENAI_ROUTES: [&str; 3] = ["/v1/models", "/v1/models/{id:.+}", "/v1/chat/completions"];

/// Returns the text of the API key in the `Authorization` header. Other tokens are ignored, because a proxy may send
/// its own.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_at_checked(BEARER.len())?;
    let token = token.trim();
    let is_key = scheme.eq_ignore_ascii_case(BEARER) && token.starts_with(ApiKeySecret::PREFIX);
    is_key.then_some(token)
}

/// Returns whether the request has an API key, which may be invalid. Browsers don't send it by themselves, unlike a
/// cookie.
pub(crate) fn has_key(headers: &HeaderMap) -> bool {
    presented(headers).is_some()
}

/// Returns the secret of the request's API key, if it has the form of one.
pub(crate) fn secret(headers: &HeaderMap) -> Option<ApiKeySecret> {
    presented(headers)?.parse().ok()
}

/// Returns the API key of a request and what stands for its session, or `None` if the request has no key.
///
/// # Errors
/// [`ChatError::InvalidApiKey`], also if nobody can sign in to this server; [`Forbidden::MissingScope`] and
/// [`Forbidden::SignInNeeded`] if the key does not allow the request.
pub(crate) async fn session_of_key(
    request: &HttpRequest,
    chat: &Chat,
) -> Result<Option<(ApiKey, Session)>, ChatError> {
    let Some(text) = presented(request.headers()) else { return Ok(None) };
    if AuthMode::of(request) == AuthMode::None {
        return Err(ChatError::InvalidApiKey);
    }
    let secret = text.parse().map_err(|_| ChatError::InvalidApiKey)?;
    let key = chat.api_keys.authenticate(&secret).await?;
    // The middleware logs the user of a refused request.
    request.extensions_mut().insert(key.user_id);
    let route = request.match_pattern().unwrap_or_default();
    let scope = required_scope(request.method(), &route).ok_or(Forbidden::SignInNeeded)?;
    check_scope(&key, scope)?;
    let session = Session::anonymous(key.hash.session_id(), key.user_id);
    Ok(Some((key, session)))
}

/// Checks that a key has a scope.
///
/// # Errors
/// [`Forbidden::MissingScope`].
pub(crate) fn check_scope(key: &ApiKey, scope: ApiKeyScope) -> Result<(), ChatError> {
    if key.scopes.contains(scope) { Ok(()) } else { Err(Forbidden::MissingScope { scope }.into()) }
}

/// Returns the scope that a request of this route needs; `None` if it is not possible with an API key.
fn required_scope(method: &Method, route: &str) -> Option<ApiKeyScope> {
    let general = if method.is_safe() { ApiKeyScope::Read } else { ApiKeyScope::Chat };
    // The services may be mounted under any path.
    if is_openai_route(route) {
        return Some(ApiKeyScope::Chat);
    }
    let Some((_, route)) = route.rsplit_once("/api/v1/") else {
        return Some(legacy_scope(route).unwrap_or(general));
    };
    let segments: Vec<&str> = route.split('/').collect();
    match segments.as_slice() {
        ["me"] | ["me", "settings"] => Some(general),
        ["admin", ..] => Some(ApiKeyScope::Admin),
        ["auth" | "me", ..] => None,
        [.., "export" | "save"] => Some(ApiKeyScope::Export),
        ["conversations", "{id}", "files", ..] if !method.is_safe() => Some(ApiKeyScope::Files),
        _ => Some(general),
    }
}

/// Returns whether the route belongs to the OpenAI-compatible API, which has the same scope for reading the models as
/// for asking them.
fn is_openai_route(route: &str) -> bool {
    let route = OPENAI_ROUTES.into_iter().find_map(|suffix| route.strip_suffix(suffix));
    route.is_some_and(|before| !before.ends_with("/api"))
}

fn legacy_scope(route: &str) -> Option<ApiKeyScope> {
    let is_export = route.ends_with("/save_history") || route.contains("/saved_conversations/");
    if is_export {
        Some(ApiKeyScope::Export)
    } else {
        route.ends_with("/upload_file").then_some(ApiKeyScope::Files)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn headers(authorization: &str) -> HeaderMap {
        [(AUTHORIZATION, HeaderValue::from_str(authorization).unwrap())].into_iter().collect()
    }

    #[test]
    fn only_bearer_tokens_with_the_prefix_are_keys() {
        for key in ["Bearer wc_1", "bearer wc_1", "BEARER  wc_1 "] {
            assert_eq!(presented(&headers(key)), Some("wc_1"), "{key}");
        }
        for other in ["Basic wc_1", "Bearer", "Bearer ", "wc_1", "Bearer sk-1", "Bearerwc_1"] {
            assert_eq!(presented(&headers(other)), None, "{other}");
        }
    }

    #[test]
    fn routes_of_people_are_closed_to_keys_under_any_mount_path() {
        for prefix in ["", "/chat", "/api/v1/chat"] {
            for route in ["auth/sign-in", "me/keys", "me/sessions/{session_id}"] {
                let route = format!("{prefix}/api/v1/{route}");
                assert_eq!(required_scope(&Method::GET, &route), None, "{route}");
            }
        }
    }

    #[test]
    fn the_openai_compatible_api_needs_the_scope_chat_under_any_mount_path() {
        for prefix in ["", "/chat", "/api/v1/chat"] {
            for route in OPENAI_ROUTES {
                let scope = required_scope(&Method::GET, &format!("{prefix}{route}"));
                assert_eq!(scope, Some(ApiKeyScope::Chat), "{prefix}{route}");
            }
        }
        let of_rest = required_scope(&Method::GET, "/chat/api/v1/models");
        assert_eq!(of_rest, Some(ApiKeyScope::Read));
    }
}
