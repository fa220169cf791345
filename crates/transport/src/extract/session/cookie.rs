//! The entries of the session cookie.

use actix_session::{Session as CookieSession, SessionExt};
use actix_web::HttpRequest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use webchat_domain::{Account, DeviceId, KnownDevice, Session, SessionId, Timestamp, UserId};

use crate::error::api_error::ApiError;
use crate::extract::credential;

/// The cookie's entry with the session's id.
const SESSION_ID: &str = "session_id";

/// The cookie's entry with the user of a session that is not stored yet.
const NEW_USER: &str = "new_user";

/// The cookie's entry with the id of the anonymous session before the sign-in, to which the browser returns.
const ANONYMOUS_SESSION_ID: &str = "anonymous_session_id";

/// The cookie's entry with the account to which somebody has signed in with this browser. It outlasts the sign-in.
const KNOWN_DEVICE: &str = "known_device";

/// The user of a session that is not stored yet.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct NewUser {
    pub(super) user_id: UserId,
    /// The time until which the session can be stored. A stored session has its own expiry.
    pub(super) expires_at: Timestamp,
}

/// Makes the browser use the session of a user who has signed in. It remembers the anonymous session, if there is one.
pub(crate) fn set_signed_in(
    request: &HttpRequest,
    session: &Session,
    account: &Account,
    anonymous: Option<&Session>,
) -> Result<(), ApiError> {
    let known = known_device(request).filter(|known| known.user_id == account.user_id);
    let device_id = known.map_or_else(DeviceId::generate, |known| known.device_id);
    let cookie = request.get_session();
    cookie.renew();
    insert(&cookie, KNOWN_DEVICE, KnownDevice::new(device_id, account))?;
    if let Some(anonymous) = anonymous {
        insert(&cookie, ANONYMOUS_SESSION_ID, anonymous.session_id)?;
    }
    set_session_id(request, session.session_id)
}

/// Returns the browser as a device on which a user has signed in.
pub(crate) fn known_device(request: &HttpRequest) -> Option<KnownDevice> {
    get(request, KNOWN_DEVICE)
}

/// Makes the browser use the anonymous session from before the sign-in again, if there is one.
pub(crate) fn set_signed_out(request: &HttpRequest) -> Result<(), ApiError> {
    let (anonymous, known) = (anonymous_session_id(request), known_device(request));
    let cookie = request.get_session();
    cookie.clear();
    if let Some(known) = known {
        insert(&cookie, KNOWN_DEVICE, known)?;
    }
    match anonymous {
        Some(id) => set_session_id(request, id),
        None => Ok(()),
    }
}

fn insert(cookie: &CookieSession, name: &str, value: impl Serialize) -> Result<(), ApiError> {
    cookie.insert(name, value).map_err(|error| ApiError::internal(error.to_string()))
}

/// Returns the id in the session cookie, or the one that stands for a credential. The session may have expired, or may
/// not be stored yet, and the credential may be invalid.
pub(crate) fn session_id(request: &HttpRequest) -> Option<SessionId> {
    if credential::is_present(request) {
        return credential::session_id(request);
    }
    get(request, SESSION_ID)
}

/// Returns the id of the anonymous session from before the sign-in.
pub(super) fn anonymous_session_id(request: &HttpRequest) -> Option<SessionId> {
    get(request, ANONYMOUS_SESSION_ID)
}

/// Returns the user of a session that is not stored yet.
pub(super) fn new_user(request: &HttpRequest) -> Option<NewUser> {
    get(request, NEW_USER)
}

/// Returns an entry of the cookie. One with invalid content counts as missing.
fn get<T: DeserializeOwned>(request: &HttpRequest, name: &str) -> Option<T> {
    request.get_session().get(name).ok().flatten()
}

pub(super) fn set_session_id(request: &HttpRequest, id: SessionId) -> Result<(), ApiError> {
    let cookie = request.get_session();
    cookie.remove(NEW_USER);
    insert(&cookie, SESSION_ID, id)
}

pub(super) fn set_new_user(
    request: &HttpRequest,
    session: &Session,
    expires_at: Timestamp,
) -> Result<(), ApiError> {
    let new_user = NewUser { user_id: session.user_id, expires_at };
    let cookie = request.get_session();
    insert(&cookie, SESSION_ID, session.session_id)?;
    insert(&cookie, NEW_USER, new_user)
}
