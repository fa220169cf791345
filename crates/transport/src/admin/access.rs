//! Who may use the admin area. Rights are read at each request.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use serde::de::DeserializeOwned;
use webchat_chat::{Accounts, Chat, ChatError};
use webchat_domain::{Account, Actor, Session, UserId};

use crate::error::api_error::ApiError;
use crate::extract::body::Body;
use crate::extract::session::SignedIn;

/// A user who may do what a route needs.
pub(super) struct Access<R> {
    pub(super) session: Session,
    pub(super) actor: Actor,
    right: PhantomData<R>,
}

/// An auditor or administrator, who may read accounts and the audit log.
pub(super) type AuditorAccess = Access<Read>;

/// An administrator, who may also change accounts.
pub(super) type AdminAccess = Access<Change>;

/// What a user of the admin area may do.
pub(super) trait Right: 'static {
    /// Returns the account of a user who may do it.
    fn require(
        accounts: &Accounts,
        user_id: UserId,
    ) -> impl Future<Output = Result<Account, ChatError>>;
}

/// To read accounts and the audit log.
pub(super) struct Read;

/// To change accounts.
pub(super) struct Change;

impl Right for Read {
    async fn require(accounts: &Accounts, user_id: UserId) -> Result<Account, ChatError> {
        accounts.require_auditor(user_id).await
    }
}

impl Right for Change {
    async fn require(accounts: &Accounts, user_id: UserId) -> Result<Account, ChatError> {
        accounts.require_admin(user_id).await
    }
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

impl<R: Right> FromRequest for Access<R> {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, user) = (request.clone(), SignedIn::from_request(request, payload));
        Box::pin(async move {
            let SignedIn { session, browser } = user.await?;
            let account = R::require(&chat(&request)?.accounts, session.user_id).await?;
            let actor = Actor { name: Some(account.name), ..browser.actor(&request) };
            Ok(Self { session, actor, right: PhantomData })
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
        let request = request.clone();
        Box::pin(async move {
            access.await?;
            let body = body.await?.0;
            // The client decides how long the body takes. Meanwhile, the right may have been withdrawn.
            let access = A::from_request(&request, &mut Payload::None).await?;
            Ok(Self(access, body))
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
