//! What gives a client access, and whether it still does.

use actix_web::HttpRequest;
use actix_web::web::Data;
use futures_util::FutureExt;
use webchat_chat::{Chat, ChatError};
use webchat_domain::Session;

use super::credential::Credential;
use crate::error::api_error::ApiError;
use crate::middleware::body_limits::BodyLimits;
use crate::settings::AuthMode;

/// What gives a client access: its session, or a credential instead.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) session: Session,
    /// Whether the session is stored. One that is not stored yet has not ended.
    pub(crate) is_stored: bool,
    pub(crate) auth: AuthMode,
    /// What gives access instead of the session.
    pub(crate) credential: Option<Credential>,
}

impl Access {
    /// Creates the access of a request with this stored session.
    pub(crate) fn of(request: &HttpRequest, session: Session) -> Self {
        let (auth, credential) = (AuthMode::of(request), Credential::of(request));
        Self { session, is_stored: true, auth, credential }
    }

    /// Returns whether the session has expired, was deleted, or gives no access any more.
    ///
    /// # Errors
    /// When the session, the key or the account can't be read.
    pub(crate) async fn has_ended(&mut self, chat: &Chat) -> Result<bool, ChatError> {
        if let Some(credential) = &self.credential {
            return Ok(!credential.is_valid(chat).await?);
        }
        match chat.sessions.find_session(self.session.session_id).await? {
            Some(session) => {
                self.is_stored = true;
                self.session = session;
            }
            None if self.is_stored => return Ok(true),
            None => {}
        }
        Ok(!self.auth.accepts(chat, &self.session).await?)
    }

    /// Ends the request with an error if the access ends while the body arrives.
    pub(crate) fn check_while_receiving(self, request: &HttpRequest) {
        let chat = request.app_data::<Data<Chat>>().cloned();
        let (Some(chat), Ok(limits)) = (chat, BodyLimits::of(request)) else { return };
        limits.check_access(move || self.clone().check(chat.clone()).boxed_local());
    }

    async fn check(mut self, chat: Data<Chat>) -> Result<(), ApiError> {
        if !self.has_ended(&chat).await? {
            return Ok(());
        }
        Err(match self.credential {
            Some(Credential::Key(_)) => ChatError::InvalidApiKey.into(),
            _ => ChatError::AuthenticationRequired.into(),
        })
    }
}
