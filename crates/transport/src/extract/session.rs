//! Extractors of the session that a request belongs to.
//!
//! A session is stored by the first request that changes something. Until then only the cookie contains it, so that
//! clients that only read, like crawlers and probes, leave nothing in the store. The cookie already contains the
//! user's id, so that the first requests of a page belong to one user even if they are concurrent.
//!
//! [`AuthMode`] decides which sessions the extractors accept, except for [`AnySession`].

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use actix_session::SessionExt;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use serde::{Deserialize, Serialize};
use webchat_chat::{Chat, ChatError};
use webchat_domain::{Caller, Session, SessionId, Timestamp, UserId};

use super::client_address::ClientAddress;
use super::new_users::NewUserLimiter;
use crate::error::api_error::ApiError;
use crate::settings::AuthMode;

/// The cookie's entry with the session's id.
const SESSION_ID: &str = "session_id";

/// The cookie's entry with the user of a session that is not stored yet.
const NEW_USER: &str = "new_user";

/// The cookie's entry with the id of the anonymous session before the sign-in, to which the browser returns.
const ANONYMOUS_SESSION_ID: &str = "anonymous_session_id";

/// The session of a request that changes something. Stores a session if the request has none.
pub struct RequiredSession {
    /// The request's session, which may be new.
    pub session: Session,
    /// The address of the client.
    pub address: IpAddr,
}

impl RequiredSession {
    /// Returns the caller on whose behalf the request is handled.
    pub(crate) fn caller(&self) -> Caller {
        Caller { user_id: self.session.user_id, address: Some(self.address) }
    }
}

/// The session of a request that only reads. Never stores a session.
pub struct OptionalSession {
    /// The session's user. Without a session, this is a new user without data.
    pub user_id: UserId,
    /// The session, if it is stored.
    pub session: Option<Session>,
}

/// The session of a browser that opens the page or a live connection. If it has none, the response's cookie
/// contains a new one, which is not stored yet.
#[derive(Clone)]
pub(crate) struct BrowserSession {
    pub(crate) session: Session,
    /// Whether the session was stored when the connection began.
    pub(crate) is_stored: bool,
    pub(crate) auth: AuthMode,
    /// The address of the client.
    pub(crate) address: IpAddr,
}

impl BrowserSession {
    /// Returns the caller on whose behalf the client's events are handled.
    pub(crate) fn caller(&self) -> Caller {
        Caller { user_id: self.session.user_id, address: Some(self.address) }
    }
}

/// The stored session of a request, whether or not it suffices for the other routes: for signing in.
pub(crate) struct AnySession {
    pub(crate) session: Option<Session>,
    /// The address of the client.
    pub(crate) address: ClientAddress,
}

/// Sets the cookie of a browser that opens the page. Without a session that suffices, there is none.
pub(crate) struct PageSession;

/// The user of a session that is not stored yet.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct NewUser {
    user_id: UserId,
    /// The time until which the session can be stored. A stored session has its own expiry.
    expires_at: Timestamp,
}

impl FromRequest for RequiredSession {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let chat = chat(&request)?;
            let session = match find_allowed(&request, chat).await? {
                Some(session) => session,
                None => store_new_session(&request, chat).await?,
            };
            Ok(Self { session, address: ClientAddress::of(&request).0 })
        })
    }
}

impl FromRequest for OptionalSession {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let chat = chat(&request)?;
            let session = find_allowed(&request, chat).await?;
            // The user of a session that is not stored has no data.
            let user_id = session.as_ref().map_or_else(UserId::generate, |found| found.user_id);
            Ok(Self { user_id, session })
        })
    }
}

impl FromRequest for BrowserSession {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let (session, is_stored) = browser_session(&request, chat(&request)?).await?;
            let (auth, address) = (AuthMode::of(&request), ClientAddress::of(&request).0);
            Ok(Self { session, is_stored, auth, address })
        })
    }
}

impl FromRequest for AnySession {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let session = find(&request, chat(&request)?).await?;
            Ok(Self { session, address: ClientAddress::of(&request) })
        })
    }
}

impl FromRequest for PageSession {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            match browser_session(&request, chat(&request)?).await {
                // The page asks the user to sign in.
                Ok(_) | Err(ApiError::Chat(ChatError::AuthenticationRequired)) => Ok(Self),
                Err(error) => Err(error),
            }
        })
    }
}

/// Returns the session of a browser that returns, extended, or a new one, and whether it is stored.
async fn browser_session(request: &HttpRequest, chat: &Chat) -> Result<(Session, bool), ApiError> {
    if let Some(session) = find_allowed(request, chat).await? {
        extend(request, chat, &session).await?;
        return Ok((session, true));
    }
    let session = unstored_session(request, chat).await?;
    let session = session.unwrap_or_else(|| chat.sessions.new_session());
    set_new_user(request, &session, chat.sessions.expiry_from_now())?;
    Ok((session, false))
}

/// Makes the browser use the session of a user who has signed in. It remembers the anonymous session, if there is one.
pub(crate) fn set_signed_in(
    request: &HttpRequest,
    session: &Session,
    anonymous: Option<&Session>,
) -> Result<(), ApiError> {
    let cookie = request.get_session();
    cookie.renew();
    if let Some(anonymous) = anonymous {
        cookie
            .insert(ANONYMOUS_SESSION_ID, anonymous.session_id)
            .map_err(|error| ApiError::internal(error.to_string()))?;
    }
    set_cookie(request, session.session_id)
}

/// Makes the browser use the anonymous session from before the sign-in again, if there is one.
pub(crate) fn set_signed_out(request: &HttpRequest) -> Result<(), ApiError> {
    let cookie = request.get_session();
    let anonymous: Option<SessionId> = cookie.get(ANONYMOUS_SESSION_ID).ok().flatten();
    cookie.clear();
    match anonymous {
        Some(id) => set_cookie(request, id),
        None => Ok(()),
    }
}

/// Stores the session that the cookie contains or, without one, a new session.
async fn store_new_session(request: &HttpRequest, chat: &Chat) -> Result<Session, ApiError> {
    let limiter = request.app_data::<web::Data<NewUserLimiter>>();
    if let Some(limiter) = limiter {
        limiter.check(ClientAddress::of(request).network())?;
    }
    let session = unstored_session(request, chat).await?;
    let session = session.unwrap_or_else(|| chat.sessions.new_session());
    let session = chat.sessions.start_session(session).await?;
    set_cookie(request, session.session_id)?;
    Ok(session)
}

/// Extends the session and its cookie to their full lifetime, because the browser has returned. A session that
/// can't be extended is used as it is.
async fn extend(request: &HttpRequest, chat: &Chat, session: &Session) -> Result<(), ApiError> {
    chat.sessions.extend_session(session).await;
    set_cookie(request, session.session_id)
}

fn chat(request: &HttpRequest) -> Result<&Chat, ApiError> {
    request
        .app_data::<web::Data<Chat>>()
        .map(web::Data::get_ref)
        .ok_or_else(|| ApiError::internal("`Chat` is missing from the application data"))
}

/// Returns the stored session of the request. If users must sign in, it is an error if nobody is.
async fn find_allowed(request: &HttpRequest, chat: &Chat) -> Result<Option<Session>, ApiError> {
    let session = find(request, chat).await?;
    let is_signed_in = session.as_ref().is_some_and(|session| session.sign_in.is_some());
    if AuthMode::of(request) == AuthMode::Required && !is_signed_in {
        return Err(ChatError::AuthenticationRequired.into());
    }
    Ok(session)
}

/// Returns the stored session of the request that gives access. After the end of a signed-in session, this is the
/// anonymous one from before the sign-in.
async fn find(request: &HttpRequest, chat: &Chat) -> Result<Option<Session>, ApiError> {
    let anonymous_id = request.get_session().get(ANONYMOUS_SESSION_ID).ok().flatten();
    for id in session_id(request).into_iter().chain(anonymous_id) {
        let Some(session) = chat.sessions.find_session(id).await? else { continue };
        if AuthMode::of(request).accepts(chat, &session).await? {
            // The middleware logs the user of a refused request.
            request.extensions_mut().insert(session.user_id);
            return Ok(Some(session));
        }
    }
    Ok(None)
}

/// Returns the id in the session cookie. The session may have expired, or may not be stored yet.
pub(crate) fn session_id(request: &HttpRequest) -> Option<SessionId> {
    // A cookie with invalid content counts as missing.
    request.get_session().get(SESSION_ID).ok().flatten()
}

/// Returns the cookie's session if it can be stored and is not stored yet. The user may have got an account after the
/// cookie was set: then it gives no access any more.
async fn unstored_session(request: &HttpRequest, chat: &Chat) -> Result<Option<Session>, ApiError> {
    let new_user: Option<NewUser> = request.get_session().get(NEW_USER).ok().flatten();
    let (Some(session_id), Some(NewUser { user_id, expires_at })) = (session_id(request), new_user)
    else {
        return Ok(None);
    };
    let session = Session::anonymous(session_id, user_id);
    let is_valid =
        expires_at > chat.sessions.now() && AuthMode::of(request).accepts(chat, &session).await?;
    Ok(is_valid.then_some(session))
}

fn set_cookie(request: &HttpRequest, id: SessionId) -> Result<(), ApiError> {
    let cookie = request.get_session();
    cookie.remove(NEW_USER);
    cookie.insert(SESSION_ID, id).map_err(|error| ApiError::internal(error.to_string()))
}

fn set_new_user(
    request: &HttpRequest,
    session: &Session,
    expires_at: Timestamp,
) -> Result<(), ApiError> {
    let new_user = NewUser { user_id: session.user_id, expires_at };
    let cookie = request.get_session();
    cookie
        .insert(SESSION_ID, session.session_id)
        .and_then(|()| cookie.insert(NEW_USER, new_user))
        .map_err(|error| ApiError::internal(error.to_string()))
}
