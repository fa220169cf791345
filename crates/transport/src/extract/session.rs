//! Extractors of the session that a request belongs to.
//!
//! A session is stored by the first request that changes something. Until then only the cookie contains it, so that
//! clients that only read, like crawlers and probes, leave nothing in the store. The cookie already contains the
//! user's id, so that the first requests of a page belong to one user even if they are concurrent.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use actix_session::SessionExt;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use serde::{Deserialize, Serialize};
use webchat_chat::Chat;
use webchat_domain::{Caller, Session, SessionId, Timestamp, UserId};

use super::client_address::ClientAddress;
use super::new_users::NewUserLimiter;
use crate::error::api_error::ApiError;

/// The cookie's entry with the session's id.
const SESSION_ID: &str = "session_id";

/// The cookie's entry with the user of a session that is not stored yet.
const NEW_USER: &str = "new_user";

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
    /// The address of the client.
    pub(crate) address: IpAddr,
}

impl BrowserSession {
    /// Returns the caller on whose behalf the client's events are handled.
    pub(crate) fn caller(&self) -> Caller {
        Caller { user_id: self.session.user_id, address: Some(self.address) }
    }
}

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
            let session = match find(&request, chat).await? {
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
            let session = find(&request, chat).await?;
            let user_id = match &session {
                Some(session) => session.user_id,
                None => unstored_session(&request, chat)
                    .map_or_else(UserId::generate, |new| new.user_id),
            };
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
            let chat = chat(&request)?;
            let session = if let Some(session) = find(&request, chat).await? {
                extend(&request, chat, &session).await?;
                session
            } else {
                let session =
                    unstored_session(&request, chat).unwrap_or_else(|| chat.sessions.new_session());
                let expires_at = chat.sessions.expiry_from_now();
                set_new_user(&request, &session, expires_at)?;
                session
            };
            Ok(Self { session, address: ClientAddress::of(&request).0 })
        })
    }
}

/// Stores the session that the cookie contains or, without one, a new session.
async fn store_new_session(request: &HttpRequest, chat: &Chat) -> Result<Session, ApiError> {
    let limiter = request.app_data::<web::Data<NewUserLimiter>>();
    if let Some(limiter) = limiter {
        limiter.check(ClientAddress::of(request).network())?;
    }
    let session = unstored_session(request, chat).unwrap_or_else(|| chat.sessions.new_session());
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

async fn find(request: &HttpRequest, chat: &Chat) -> Result<Option<Session>, ApiError> {
    let Some(id) = session_id(request) else { return Ok(None) };
    let session = chat.sessions.find_session(id).await?;
    if let Some(session) = &session {
        // The middleware logs the user of a refused request.
        request.extensions_mut().insert(session.user_id);
    }
    Ok(session)
}

/// Returns the id in the session cookie. The session may have expired, or may not be stored yet.
pub(crate) fn session_id(request: &HttpRequest) -> Option<SessionId> {
    // A cookie with invalid content counts as missing.
    request.get_session().get(SESSION_ID).ok().flatten()
}

/// Returns the cookie's session if it can be stored and is not stored yet.
fn unstored_session(request: &HttpRequest, chat: &Chat) -> Option<Session> {
    let session_id = session_id(request)?;
    let new_user: Option<NewUser> = request.get_session().get(NEW_USER).ok().flatten();
    let NewUser { user_id, expires_at } = new_user?;
    let is_valid = expires_at > chat.sessions.now();
    is_valid.then_some(Session { session_id, user_id, conversation_id: None })
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
