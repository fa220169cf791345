//! Extractors of the session that a request belongs to.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use actix_session::SessionExt;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use webchat_chat::{Caller, Chat};
use webchat_domain::{Session, SessionId, UserId};

use super::client_address::ClientAddress;
use crate::error::api_error::ApiError;

/// The name of the cookie's only entry.
const SESSION_ID: &str = "session_id";

/// The session of a request that changes something or opens the page. Starts a session if the request
/// has none.
#[derive(Clone)]
pub struct RequiredSession {
    /// The request's session, which may be new.
    pub session: Session,
    /// The address of the client.
    pub address: IpAddr,
}

impl RequiredSession {
    /// On whose behalf the request is handled.
    pub(crate) fn caller(&self) -> Caller {
        Caller { user_id: self.session.user_id, address: Some(self.address) }
    }
}

/// The session of a request that only reads. Never starts a session, so that programs that only read leave
/// nothing in the store.
pub struct OptionalSession {
    /// The session's user. Without a session, the id of a new user, who owns nothing.
    pub user_id: UserId,
    /// The session, if the request has one.
    pub session: Option<Session>,
}

impl FromRequest for RequiredSession {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let chat = chat(&request)?;
            let ClientAddress(address) = ClientAddress::of(&request);
            if let Some(session) = find(&request, chat).await? {
                return Ok(Self { session, address });
            }
            let session = chat.accounts.start_session().await?;
            set_cookie(&request, session.session_id)?;
            Ok(Self { session, address })
        })
    }
}

impl FromRequest for OptionalSession {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let session = find(&request, chat(&request)?).await?;
            let user_id = session.as_ref().map_or_else(UserId::generate, |session| session.user_id);
            Ok(Self { user_id, session })
        })
    }
}

/// Extends the session and its cookie to their full lifetime, as the browser has returned. A session that
/// can't be extended is used as it is.
pub(crate) async fn extend(
    request: &HttpRequest,
    chat: &Chat,
    session: &Session,
) -> Result<(), ApiError> {
    chat.accounts.extend_session(session).await;
    set_cookie(request, session.session_id)
}

fn chat(request: &HttpRequest) -> Result<&Chat, ApiError> {
    request
        .app_data::<web::Data<Chat>>()
        .map(web::Data::get_ref)
        .ok_or_else(|| ApiError::internal("the services have no `Chat`"))
}

async fn find(request: &HttpRequest, chat: &Chat) -> Result<Option<Session>, ApiError> {
    let Some(id) = session_id(request) else { return Ok(None) };
    let session = chat.accounts.find_session(id).await?;
    if let Some(session) = &session {
        // For the middleware, which logs who sent a refused request.
        request.extensions_mut().insert(session.user_id);
    }
    Ok(session)
}

/// Returns the id in the session cookie. The session may have expired.
pub(crate) fn session_id(request: &HttpRequest) -> Option<SessionId> {
    // A cookie with other contents counts as no cookie.
    request.get_session().get(SESSION_ID).ok().flatten()
}

fn set_cookie(request: &HttpRequest, id: SessionId) -> Result<(), ApiError> {
    request
        .get_session()
        .insert(SESSION_ID, id)
        .map_err(|error| ApiError::internal(error.to_string()))
}
