//! The user on whose behalf a program acts.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use webchat_chat::Chat;
use webchat_domain::{Caller, Session};

use super::error::OpenAiError;
use crate::error::api_error::ApiError;
use crate::extract::access::Access;
use crate::extract::client_address::ClientAddress;
use crate::extract::credential::api_key::has_key;
use crate::extract::credential::session_of_credential;
use crate::settings::AuthMode;

/// The user of a request's API key. A session cookie and the header of a proxy give no access.
pub(super) struct KeyUser {
    /// What stands for the session of the key.
    pub(super) session: Session,
    pub(super) caller: Caller,
}

impl FromRequest for KeyUser {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            if AuthMode::of(&request) == AuthMode::None {
                return Err(OpenAiError::KeysDisabled.into());
            }
            let chat = request.app_data::<Data<Chat>>().filter(|_| has_key(request.headers()));
            let chat = chat.ok_or(OpenAiError::KeyMissing)?;
            let session = session_of_credential(&request, chat).await?;
            let session = session.ok_or(OpenAiError::KeyMissing)?;
            Access::of(&request, session.clone()).check_while_receiving(&request);
            let address = Some(ClientAddress::of(&request).0);
            Ok(Self { caller: Caller { user_id: session.user_id, address }, session })
        })
    }
}
