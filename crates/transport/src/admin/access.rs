//! Who may use the admin area. Rights are read at each request.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use serde::de::DeserializeOwned;
use webchat_chat::{Chat, ChatError};
use webchat_domain::{Account, Actor, Session, UserId};

use crate::error::api_error::ApiError;
use crate::extract::body::Body;
use crate::extract::session::SignedIn;

/// An auditor or administrator, who may read accounts and the audit log.
pub(super) struct AuditorAccess {
    pub(super) session: Session,
    pub(super) actor: Actor,
}

/// An administrator, who may also change accounts.
pub(super) struct AdminAccess {
    pub(super) session: Session,
    pub(super) actor: Actor,
}

/// An access and the body of the request, whose errors only those see who have access.
pub(super) struct WithBody<A, T>(pub(super) A, pub(super) T);

/// The user in the path of a route. An invalid id is no error of the extractor, which could hide that of the access.
pub(super) struct UserPath(Option<UserId>);

impl UserPath {
    /// Returns the id.
    ///
    /// # Errors
    /// [`ChatError::AccountNotFound`]: a user with an invalid id does not exist.
    pub(super) fn id(&self) -> Result<UserId, ApiError> {
        Ok(self.0.ok_or(ChatError::AccountNotFound)?)
    }
}

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl FromRequest for AuditorAccess {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, user) = (request.clone(), SignedIn::from_request(request, payload));
        Box::pin(async move {
            let user = user.await?;
            let account = chat(&request)?.accounts.require_auditor(user.session.user_id).await?;
            Ok(Self { actor: actor(&request, &user, account), session: user.session })
        })
    }
}

impl FromRequest for AdminAccess {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, user) = (request.clone(), SignedIn::from_request(request, payload));
        Box::pin(async move {
            let user = user.await?;
            let account = chat(&request)?.accounts.require_admin(user.session.user_id).await?;
            Ok(Self { actor: actor(&request, &user, account), session: user.session })
        })
    }
}

impl<A, T> FromRequest for WithBody<A, T>
where
    A: FromRequest<Error = ApiError> + 'static,
    T: DeserializeOwned + 'static,
{
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let access = A::from_request(request, payload);
        let body = Body::<T>::from_request(request, payload);
        Box::pin(async move {
            let access = access.await?;
            Ok(Self(access, body.await?.0))
        })
    }
}

impl FromRequest for UserPath {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.match_info().get("user_id").and_then(|id| id.parse().ok()))))
    }
}

fn chat(request: &HttpRequest) -> Result<&Chat, ApiError> {
    let chat = request.app_data::<Data<Chat>>().map(Data::get_ref);
    chat.ok_or_else(|| ApiError::internal("`Chat` is missing from the application data"))
}

fn actor(request: &HttpRequest, user: &SignedIn, account: Account) -> Actor {
    Actor { name: Some(account.name), ..user.browser.actor(request) }
}
