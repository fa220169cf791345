//! The session cookie. It is signed and encrypted, and contains only the session's id.

use std::time::Duration;

use actix_session::SessionMiddleware;
use actix_session::config::PersistentSession;
use actix_session::storage::CookieSessionStore;
use actix_web::cookie::{self, Key, SameSite};

/// The cookie's name, which is also in the OpenAPI document.
pub(crate) const COOKIE_NAME: &str = "webchat_session";

/// Creates the middleware that reads and writes the cookie. With `is_secure`, browsers send the cookie over
/// HTTPS only. The cookie expires after `ttl`.
pub(crate) fn sessions(
    key: Key,
    is_secure: bool,
    ttl: Duration,
) -> SessionMiddleware<CookieSessionStore> {
    let ttl = cookie::time::Duration::try_from(ttl).unwrap_or(cookie::time::Duration::MAX);
    SessionMiddleware::builder(CookieSessionStore::default(), key)
        .cookie_name(COOKIE_NAME.to_owned())
        .cookie_http_only(true)
        .cookie_same_site(SameSite::Lax)
        .cookie_secure(is_secure)
        .session_lifecycle(PersistentSession::default().session_ttl(ttl))
        .build()
}
