use std::future::Future;
use std::pin::Pin;

use actix_session::SessionExt;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use webchat_chat::Chat;
use webchat_domain::{Session, SessionId, UserId};

use crate::error::api_error::ApiError;

/// The cookie's one entry.
const SESSION_ID: &str = "session_id";

/// Who asks to change something, or opens the page: a session is started for whoever has none.
pub struct Caller(pub Session);

/// Who asks to read. Whoever has no session is nobody we know: no session is started for them, so
/// that a program that only looks leaves nothing behind.
pub struct Reader {
    /// Who they are.
    pub user_id: UserId,
    /// Their session, if they have one.
    pub session: Option<Session>,
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let chat = chat(&request)?;
            if let Some(session) = find(&request, chat).await? {
                return Ok(Self(session));
            }
            let session = chat.start_session().await?;
            remember(&request, session.session_id)?;
            Ok(Self(session))
        })
    }
}

impl FromRequest for Reader {
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

/// A browser that comes back: its session and its cookie last for the whole time again.
pub(crate) async fn extend(
    request: &HttpRequest,
    chat: &Chat,
    session: &Session,
) -> Result<(), ApiError> {
    chat.keep_session(session).await?;
    remember(request, session.session_id)
}

fn chat(request: &HttpRequest) -> Result<&Chat, ApiError> {
    request.app_data::<web::Data<Chat>>().map(web::Data::get_ref).ok_or(ApiError::Internal)
}

async fn find(request: &HttpRequest, chat: &Chat) -> Result<Option<Session>, ApiError> {
    match session_id(request) {
        Some(id) => Ok(chat.find_session(id).await?),
        None => Ok(None),
    }
}

/// The session that the cookie names, which may have lapsed.
pub(crate) fn session_id(request: &HttpRequest) -> Option<SessionId> {
    // A cookie that does not hold what we write is as none.
    request.get_session().get(SESSION_ID).ok().flatten()
}

fn remember(request: &HttpRequest, id: SessionId) -> Result<(), ApiError> {
    request.get_session().insert(SESSION_ID, id).map_err(|_| ApiError::Internal)
}
