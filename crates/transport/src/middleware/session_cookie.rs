//! The session cookie. It is signed and encrypted, and contains only the session's id.

use std::time::Duration;

use actix_session::SessionMiddleware;
use actix_session::config::PersistentSession;
use actix_session::storage::CookieSessionStore;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::cookie::{self, Cookie, CookieJar, Key, SameSite};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use actix_web::middleware::Next;
use actix_web::web;

use crate::base_path::BasePath;
use crate::extract::client_address::ClientAddress;
use crate::extract::pending_sign_ins;
use crate::headers::cookies;
use crate::security_log::{SecurityEvent, SecurityLog};

/// The cookie's name over HTTP, which is also in the OpenAPI document.
pub(crate) const COOKIE_NAME: &str = "webchat_session";

/// The cookie's name over HTTPS, at the root of a host. Because of the prefix, browsers accept the cookie only from
/// this host over HTTPS: neither another subdomain nor a page over HTTP can set it.
const HOST_COOKIE_NAME: &str = "__Host-webchat_session";

/// The cookie's name over HTTPS, under a path. Browsers accept it only over HTTPS. A `__Host-` cookie can't be
/// limited to a path, so it would conflict with those of servers under other paths of the host.
const SECURE_COOKIE_NAME: &str = "__Secure-webchat_session";

/// The maximum number of cookies with the session cookie's name that are tried.
const MAX_COOKIES: usize = 8;

/// The session cookie: its name, encryption key and attributes.
#[derive(Clone)]
pub(crate) struct SessionCookie {
    key: Key,
    is_secure: bool,
    base_path: BasePath,
}

/// The session cookie of a request.
#[derive(Debug, PartialEq, Eq)]
enum ReceivedCookie {
    /// The request has no session cookie.
    Missing,
    /// The cookie was issued by this server. Contains the cookie.
    Valid(String),
    /// The cookie was issued by this server, with its name from before the server was behind HTTPS. Contains the
    /// cookie with its current name.
    Renamed(String),
    /// The cookie was not issued by this server, or with an earlier `SECRET_KEY`.
    Refused,
}

impl SessionCookie {
    /// Creates the cookie. `is_secure` restricts it to HTTPS, and `base_path` to this path.
    pub(crate) fn new(secret_key: &[u8], is_secure: bool, base_path: BasePath) -> Self {
        Self { key: Key::derive_from(secret_key), is_secure, base_path }
    }

    /// Returns the middleware that reads and writes the cookie, which expires after `ttl`.
    pub(crate) fn middleware(&self, ttl: Duration) -> SessionMiddleware<CookieSessionStore> {
        let ttl = cookie::time::Duration::try_from(ttl).unwrap_or(cookie::time::Duration::MAX);
        SessionMiddleware::builder(CookieSessionStore::default(), self.key.clone())
            .cookie_name(self.name().to_owned())
            .cookie_path(self.base_path.with_slash())
            .cookie_http_only(true)
            .cookie_same_site(SameSite::Lax)
            .cookie_secure(self.is_secure)
            .session_lifecycle(PersistentSession::default().session_ttl(ttl))
            .build()
    }

    fn name(&self) -> &'static str {
        match (self.is_secure, self.base_path.is_root()) {
            (false, _) => COOKIE_NAME,
            (true, true) => HOST_COOKIE_NAME,
            (true, false) => SECURE_COOKIE_NAME,
        }
    }

    fn read(&self, headers: &HeaderMap) -> ReceivedCookie {
        let mut is_refused = false;
        for name in [self.name(), COOKIE_NAME] {
            // The path and the domain of a cookie are unknown, so one of another server may be the first.
            for cookie in find(headers, name).take(MAX_COOKIES) {
                let text = cookie.encoded().to_string();
                match self.decrypt(cookie) {
                    None => is_refused = true,
                    Some(_) if name == self.name() => return ReceivedCookie::Valid(text),
                    Some(content) => return ReceivedCookie::Renamed(self.encrypt(content)),
                }
            }
            if is_refused {
                return ReceivedCookie::Refused;
            }
        }
        ReceivedCookie::Missing
    }

    fn decrypt(&self, cookie: Cookie<'static>) -> Option<String> {
        let name = cookie.name().to_owned();
        let mut jar = CookieJar::new();
        jar.add_original(cookie);
        jar.private(&self.key).get(&name).map(|cookie| cookie.value().to_owned())
    }

    /// Returns the name and the encrypted value, as in the header.
    fn encrypt(&self, content: String) -> String {
        let mut jar = CookieJar::new();
        jar.private_mut(&self.key).add(Cookie::new(self.name(), content));
        jar.get(self.name()).map(|cookie| cookie.encoded().to_string()).unwrap_or_default()
    }

    /// Returns the cookie that makes the browser delete the one with the former name.
    fn removal(&self) -> Cookie<'static> {
        let removal = Cookie::build(COOKIE_NAME, "").path(self.base_path.with_slash());
        let mut removal = removal.http_only(true).secure(true).finish();
        removal.make_removal();
        removal
    }
}

/// Leaves only the session cookie in the request, with its current name, because one invalid byte in any cookie makes
/// actix ignore all of them. If the response sets a cookie, it also deletes one with the former name.
pub(crate) async fn select_cookie(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let Some(cookie) = request.app_data::<web::Data<SessionCookie>>().cloned() else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let received = cookie.read(request.headers());
    pending_sign_ins::keep(request.request(), request.headers());
    if received == ReceivedCookie::Refused
        && let Some(security_log) = request.app_data::<web::Data<SecurityLog>>()
    {
        let client = ClientAddress::of(request.request()).network();
        security_log.record(SecurityEvent::CookieRefused, client, None);
    }
    if let ReceivedCookie::Valid(text) | ReceivedCookie::Renamed(text) = &received {
        request.headers_mut().insert(COOKIE, HeaderValue::from_str(text)?);
    }
    let mut response = next.call(request).await?.map_into_boxed_body();
    if matches!(received, ReceivedCookie::Renamed(_)) && response.headers().contains_key(SET_COOKIE)
    {
        let removal = cookie.removal().to_string();
        response.headers_mut().append(SET_COOKIE, HeaderValue::from_str(&removal)?);
    }
    Ok(response)
}

/// Returns the cookies with this name.
fn find(headers: &HeaderMap, name: &str) -> impl Iterator<Item = Cookie<'static>> {
    cookies(headers).filter(move |cookie| cookie.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie(secret_key: u8, is_secure: bool) -> SessionCookie {
        SessionCookie::new(&[secret_key; 32], is_secure, BasePath::default())
    }

    fn headers(cookies: &str) -> HeaderMap {
        [(COOKIE, HeaderValue::from_str(cookies).unwrap())].into_iter().collect()
    }

    #[test]
    fn a_cookie_with_the_former_name_is_renamed() {
        let (before, now) = (cookie(1, false), cookie(1, true));
        let old = before.encrypt("content".to_owned());

        let renamed = now.read(&headers(&format!("theme=dark; {old}")));

        let ReceivedCookie::Renamed(renamed) = renamed else { panic!("{renamed:?}") };
        assert!(renamed.starts_with("__Host-webchat_session="), "{renamed}");
        assert_eq!(now.read(&headers(&renamed)), ReceivedCookie::Valid(renamed.clone()));
        let content = find(&headers(&renamed), now.name()).find_map(|cookie| now.decrypt(cookie));
        assert_eq!(content.as_deref(), Some("content"));
    }

    #[test]
    fn a_cookie_with_the_current_name_takes_precedence() {
        let (before, now) = (cookie(1, false), cookie(1, true));
        let (old, new) = (before.encrypt("planted".to_owned()), now.encrypt("own".to_owned()));

        let received = now.read(&headers(&format!("{old}; {new}")));

        assert_eq!(received, ReceivedCookie::Valid(new));
    }

    #[test]
    fn the_session_cookie_is_found_among_any_other_cookies() {
        let server = cookie(1, false);
        let (own, foreign) =
            (server.encrypt("a".to_owned()), cookie(2, false).encrypt("a".to_owned()));
        let quoted = own.replace('=', "=\"") + "\"";
        let valid = ReceivedCookie::Valid(own.clone());
        for cookies in [
            own.clone().into_bytes(),
            format!("a=1; ;=;=x; {own};").into_bytes(),
            format!("{foreign}; {own}").into_bytes(),
            format!("{own}; {foreign}").into_bytes(),
            [b"a=\xfc; ", own.as_bytes(), b"; b=\xff"].concat(),
            format!("a={{\"b\":1,\"c\":2}};{own}").into_bytes(),
            format!("a=1, {own}, b=2").into_bytes(),
            format!("$Version=1; {quoted}; $Path=/").into_bytes(),
        ] {
            let value = HeaderValue::from_bytes(&cookies).unwrap();
            let headers = [(COOKIE, HeaderValue::from_static("x=1")), (COOKIE, value)];
            let received = server.read(&headers.into_iter().collect());
            assert_eq!(received, valid, "{}", cookies.escape_ascii());
        }
    }

    #[test]
    fn a_cookie_of_another_key_is_refused() {
        let (other, own) = (cookie(2, false), cookie(1, false));
        let foreign = other.encrypt("content".to_owned());

        assert_eq!(own.read(&headers(&foreign)), ReceivedCookie::Refused);
        assert_eq!(own.read(&headers("theme=dark")), ReceivedCookie::Missing);
        assert_eq!(own.read(&HeaderMap::new()), ReceivedCookie::Missing);
    }
}
