//! The cookies of sign-ins with an identity provider that a browser has begun: one for each, so that several tabs can
//! sign in at once. They are encrypted, are sent only to the routes that need them, and last ten minutes.

use std::num::NonZeroU32;
use std::time::Duration;

use actix_web::cookie::{Cookie, CookieJar, Key, SameSite, time};
use actix_web::http::header::HeaderMap;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use governor::Quota;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use webchat_chat::{ProviderSignInError, SignInSecrets};
use webchat_domain::{Network, SessionId, Timestamp};

use crate::base_path::BasePath;
use crate::headers::cookies;
use crate::quota::KeyedRateLimiter;

/// How long a user may take to sign in at the provider.
pub(crate) const MAX_SIGN_IN_TIME: Duration = Duration::from_mins(10);

/// The maximum number of sign-ins that a browser has begun. A further one ends the oldest.
const MAX_PENDING: usize = 5;

/// The maximum number of sign-ins that a network begins per minute. All users of a company may have one address.
const MAX_SIGN_INS_PER_MINUTE: u32 = 300;

/// The first characters of the names of the cookies.
const PREFIX: &str = "webchat_sign_in_";

/// The first characters of the names over HTTPS. Browsers accept such a cookie only over HTTPS.
const SECURE_PREFIX: &str = "__Secure-webchat_sign_in_";

/// The path of the cookies, relative to that of the server.
const PATH: &str = "api/v1/auth/oidc/";

/// A sign-in that a browser has begun.
#[derive(Serialize, Deserialize)]
pub(crate) struct PendingSignIn {
    /// The id of the provider.
    pub(crate) provider: String,
    /// What the provider sends back with the browser.
    pub(crate) state: String,
    pub(crate) secrets: SignInSecrets,
    /// The path of the page to which the browser returns, relative to that of the server.
    pub(crate) return_to: String,
    /// The session of the browser whose conversations the account adopts.
    pub(crate) adopts: Option<SessionId>,
    pub(crate) expires_at: Timestamp,
}

/// Writes and reads the cookies, and limits their number.
pub(crate) struct PendingSignIns {
    key: Key,
    is_secure: bool,
    path: String,
    rate: KeyedRateLimiter<Network>,
}

/// The cookies of a request. The middleware keeps them here, because it leaves only the session cookie in the headers.
#[derive(Clone)]
struct Received(Vec<Cookie<'static>>);

/// Keeps the cookies of a request.
pub(crate) fn keep(request: &HttpRequest, headers: &HeaderMap) {
    let of_sign_ins = cookies(headers).filter(|cookie| {
        cookie.name().starts_with(PREFIX) || cookie.name().starts_with(SECURE_PREFIX)
    });
    // Others may have set cookies with such names.
    let received: Vec<_> = of_sign_ins.take(4 * MAX_PENDING).collect();
    if !received.is_empty() {
        request.extensions_mut().insert(Received(received));
    }
}

impl PendingSignIns {
    /// `is_secure` restricts the cookies to HTTPS, and `base_path` to this path.
    pub(crate) fn new(secret_key: &[u8], is_secure: bool, base_path: &BasePath) -> Self {
        let path = format!("{}{PATH}", base_path.with_slash());
        let rate = NonZeroU32::new(MAX_SIGN_INS_PER_MINUTE).map(Quota::per_minute);
        let rate = KeyedRateLimiter::new(rate);
        Self { key: Key::derive_from(secret_key), is_secure, path, rate }
    }

    /// Counts a sign-in that a client of this network begins.
    ///
    /// # Errors
    /// [`ProviderSignInError::TooManySignIns`].
    pub(crate) fn check_rate(&self, network: Network) -> Result<(), ProviderSignInError> {
        self.rate.check(&network).map_err(|_| ProviderSignInError::TooManySignIns)
    }

    /// Adds a sign-in to a response, in place of the oldest one if there are too many.
    pub(crate) fn add(
        &self,
        request: &HttpRequest,
        response: &mut HttpResponse,
        pending: &PendingSignIn,
    ) -> Result<(), serde_json::Error> {
        let mut others: Vec<_> = received(request)
            .into_iter()
            .map(|cookie| (self.decrypt(&cookie).map(|pending| pending.expires_at), cookie))
            .collect();
        others.sort_by_key(|(expires_at, _)| *expires_at);
        let excess = (others.len() + 1).saturating_sub(MAX_PENDING);
        for (_, cookie) in others.iter().take(excess) {
            response.add_cookie(&self.removal(cookie.name())).ok();
        }
        let name = self.name(&pending.state);
        let mut jar = CookieJar::new();
        let content = Cookie::new(name.clone(), serde_json::to_string(pending)?);
        jar.private_mut(&self.key).add(content);
        if let Some(encrypted) = jar.get(&name) {
            let age = time::Duration::try_from(MAX_SIGN_IN_TIME).unwrap_or(time::Duration::ZERO);
            let cookie = self.attributes(Cookie::build(name, encrypted.value().to_owned()));
            response.add_cookie(&cookie.max_age(age).finish()).ok();
        }
        Ok(())
    }

    /// Returns the sign-in with this state, unless it has expired.
    pub(crate) fn find(
        &self,
        request: &HttpRequest,
        state: &str,
        now: Timestamp,
    ) -> Option<PendingSignIn> {
        let name = self.name(state);
        let found = received(request).into_iter().filter(|cookie| cookie.name() == name);
        let mut pending = found.filter_map(|cookie| self.decrypt(&cookie));
        pending.find(|pending| pending.state == state && pending.expires_at > now)
    }

    /// Removes the sign-in with this state from the browser.
    pub(crate) fn remove(&self, response: &mut HttpResponse, state: &str) {
        response.add_cookie(&self.removal(&self.name(state))).ok();
    }

    fn decrypt(&self, cookie: &Cookie<'static>) -> Option<PendingSignIn> {
        let mut jar = CookieJar::new();
        jar.add_original(cookie.clone());
        let decrypted = jar.private(&self.key).get(cookie.name())?;
        serde_json::from_str(decrypted.value()).ok()
    }

    /// Returns the name of the cookie for a state, which the name does not reveal.
    fn name(&self, state: &str) -> String {
        let prefix = if self.is_secure { SECURE_PREFIX } else { PREFIX };
        let hash = Sha256::digest(state);
        let short = hash.iter().take(8).map(|byte| format!("{byte:02x}"));
        format!("{prefix}{}", short.collect::<String>())
    }

    fn removal(&self, name: &str) -> Cookie<'static> {
        let mut removal = self.attributes(Cookie::build(name.to_owned(), "")).finish();
        removal.make_removal();
        removal
    }

    fn attributes<'c>(
        &self,
        cookie: actix_web::cookie::CookieBuilder<'c>,
    ) -> actix_web::cookie::CookieBuilder<'c> {
        // The provider sends the browser back from another site.
        let cookie = cookie.same_site(SameSite::Lax).http_only(true);
        cookie.secure(self.is_secure).path(self.path.clone())
    }
}

fn received(request: &HttpRequest) -> Vec<Cookie<'static>> {
    request.extensions().get::<Received>().map(|received| received.0.clone()).unwrap_or_default()
}
