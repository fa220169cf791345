//! Extractors of the session that a request belongs to.
//!
//! A session is stored by the first request that changes something. Until then only the cookie contains it, so that
//! clients that only read, like crawlers and probes, leave nothing in the store. The cookie already contains the
//! user's id, so that the first requests of a page belong to one user even if they are concurrent.
//!
//! [`AuthMode`] decides which sessions the extractors accept, except for [`AnySession`].

pub(crate) mod cookie;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use webchat_chat::{Chat, ChatError};
use webchat_domain::{AccessMethod, Actor, Caller, Session, UserId};

use self::cookie::{
    NewUser, anonymous_session_id, new_user, session_id, set_new_user, set_session_id,
};
use super::access::Access;
use super::actor::client;
use super::client_address::ClientAddress;
use super::credential::{Credential, session_of_credential};
use super::new_users::NewUserLimiter;
use crate::error::api_error::ApiError;
use crate::settings::AuthMode;

/// The session of a request that changes something. Stores a session if the request has none. In a request with an API
/// key, a session that is not stored stands for it.
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
    /// What gives access when the connection begins.
    pub(crate) access: Access,
    /// The address of the client.
    pub(crate) address: IpAddr,
}

impl BrowserSession {
    /// Returns the caller on whose behalf the client's events are handled.
    pub(crate) fn caller(&self) -> Caller {
        Caller { user_id: self.access.session.user_id, address: Some(self.address) }
    }
}

/// The stored session of a request, whether or not it suffices for the other routes: for signing in.
#[derive(Clone)]
pub(crate) struct AnySession {
    pub(crate) session: Option<Session>,
    /// What gives access instead of the session.
    pub(crate) credential: Option<Credential>,
    /// The address of the client.
    pub(crate) address: ClientAddress,
}

impl AnySession {
    /// Returns who makes the request, for the audit log.
    pub(crate) fn actor(&self, request: &HttpRequest) -> Actor {
        let client = client(request);
        let signed_in = self.session.as_ref().filter(|session| session.sign_in.is_some());
        let signed_in = signed_in.map(|_| AccessMethod::Session);
        let via = self.credential.as_ref().map(Credential::access_method).or(signed_in);
        let user_id = self.session.as_ref().map(|session| session.user_id);
        via.map_or(client.clone(), |via| Actor { user_id, via, ..client })
    }
}

/// The session of a user who is signed in, or known by a credential.
pub(crate) struct SignedIn {
    pub(crate) session: Session,
    pub(crate) browser: AnySession,
}

impl FromRequest for RequiredSession {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let chat = chat(&request)?;
            let session = match (find_allowed(&request, chat).await?, Credential::of(&request)) {
                (Some(session), Some(Credential::Proxy { has_session: false, .. })) => {
                    chat.sessions.start_session(session).await?
                }
                (Some(session), _) => session,
                (None, _) => store_new_session(&request, chat).await?,
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
            // A cookie for an unstored session stays: the user may be signing in at the moment.
            let (session, is_stored) = browser_session(&request, chat(&request)?, false).await?;
            let access = Access { is_stored, ..Access::of(&request, session) };
            Ok(Self { access, address: ClientAddress::of(&request).0 })
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
            Ok(Self {
                session,
                credential: Credential::of(&request),
                address: ClientAddress::of(&request),
            })
        })
    }
}

impl FromRequest for SignedIn {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let browser = AnySession::from_request(request, payload);
        Box::pin(async move {
            let browser = browser.await?;
            let is_known = browser.credential.is_some();
            let session = browser.session.clone();
            let session = session.filter(|session| is_known || session.sign_in.is_some());
            let session = session.ok_or(ChatError::AuthenticationRequired)?;
            Ok(Self { session, browser })
        })
    }
}

/// Returns the session of a browser that returns, extended, or a new one, and whether it is stored. `renews_unstored` says
/// whether the cookie of a session that is not stored is set again.
pub(crate) async fn browser_session(
    request: &HttpRequest,
    chat: &Chat,
    renews_unstored: bool,
) -> Result<(Session, bool), ApiError> {
    if let Some(session) = find_allowed(request, chat).await? {
        match Credential::of(request) {
            None => extend(request, chat, &session).await?,
            Some(Credential::Proxy { .. }) => chat.sessions.extend_session(&session).await,
            Some(Credential::Key(_)) => {}
        }
        return Ok((session, true));
    }
    let unstored = unstored_session(request, chat).await?;
    let is_known = unstored.is_some();
    let session = unstored.unwrap_or_else(|| chat.sessions.new_session());
    if renews_unstored || !is_known {
        set_new_user(request, &session, chat.sessions.expiry_from_now(&session))?;
    }
    Ok((session, false))
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
    set_session_id(request, session.session_id)?;
    Access::of(request, session.clone()).check_while_receiving(request);
    Ok(session)
}

/// Extends the session and its cookie to their full lifetime, because the browser has returned. A session that
/// can't be extended is used as it is.
async fn extend(request: &HttpRequest, chat: &Chat, session: &Session) -> Result<(), ApiError> {
    chat.sessions.extend_session(session).await;
    set_session_id(request, session.session_id)
}

pub(crate) fn chat(request: &HttpRequest) -> Result<&Chat, ApiError> {
    request
        .app_data::<web::Data<Chat>>()
        .map(web::Data::get_ref)
        .ok_or_else(|| ApiError::internal("`Chat` is missing from the application data"))
}

/// Returns the stored session of the request. If users must sign in, it is an error if nobody is.
async fn find_allowed(request: &HttpRequest, chat: &Chat) -> Result<Option<Session>, ApiError> {
    let session = find(request, chat).await?;
    let is_signed_in = session.as_ref().is_some_and(|session| session.sign_in.is_some())
        || Credential::of(request).is_some();
    if AuthMode::of(request) == AuthMode::Required && !is_signed_in {
        return Err(ChatError::AuthenticationRequired.into());
    }
    Ok(session)
}

/// Returns the stored session of the request that gives access. After the end of a signed-in session, this is the
/// anonymous one from before the sign-in. In a request with a credential, the cookie is ignored.
async fn find(request: &HttpRequest, chat: &Chat) -> Result<Option<Session>, ApiError> {
    if let Some(session) = session_of_credential(request, chat).await? {
        Access::of(request, session.clone()).check_while_receiving(request);
        return Ok(Some(session));
    }
    for id in session_id(request).into_iter().chain(anonymous_session_id(request)) {
        let Some(session) = chat.sessions.find_session(id).await? else { continue };
        if AuthMode::of(request).accepts(chat, &session).await? {
            // The middleware logs the user of a refused request.
            request.extensions_mut().insert(session.user_id);
            Access::of(request, session.clone()).check_while_receiving(request);
            return Ok(Some(session));
        }
    }
    Ok(None)
}

/// Returns the cookie's session if it can be stored and is not stored yet. The user may have got an account after the
/// cookie was set, or may have been erased: then it gives no access any more.
async fn unstored_session(request: &HttpRequest, chat: &Chat) -> Result<Option<Session>, ApiError> {
    let (session_id, new_user) = (session_id(request), new_user(request));
    let (Some(session_id), Some(NewUser { user_id, expires_at })) = (session_id, new_user) else {
        return Ok(None);
    };
    let session = Session::anonymous(session_id, user_id);
    let is_valid = expires_at > chat.sessions.now()
        && chat.accounts.accepts(&session).await?
        && !chat.erasures.is_erased(user_id).await?;
    Ok(is_valid.then_some(session))
}
