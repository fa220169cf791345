//! The session of a browser that opens the page.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use webchat_chat::ChatError;

use crate::error::api_error::ApiError;
use crate::extract::session::{browser_session, chat};

/// Sets the cookie of a browser that opens the page. Without a session that suffices, there is none.
pub(crate) struct PageSession;

impl FromRequest for PageSession {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            match browser_session(&request, chat(&request)?, true).await {
                // The page asks the user to sign in, or shows the error.
                Ok(_)
                | Err(ApiError::Chat(
                    ChatError::AuthenticationRequired | ChatError::AccountDisabled,
                )) => Ok(Self),
                Err(error) => Err(error),
            }
        })
    }
}
