//! What gives a request access instead of a session cookie.

pub(crate) mod api_key;
pub(crate) mod sign_in_proxy;

use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest};
use webchat_chat::{Chat, ChatError};
use webchat_domain::{AccessMethod, Account, ApiKey, Session, SessionId};

use self::api_key::{has_key, session_of_key};
use self::sign_in_proxy::{ProxyUser, find_proxy_user};
use crate::error::api_error::ApiError;

/// What gives a request access instead of a session cookie.
#[derive(Clone)]
pub(crate) enum Credential {
    /// The API key of a program.
    Key(Arc<ApiKey>),
    /// A header of a proxy that has signed the user in.
    Proxy {
        account: Arc<Account>,
        /// Whether the session was stored before the request.
        has_session: bool,
    },
}

impl Credential {
    /// Returns the credential of a request that was given access.
    pub(crate) fn of(request: &HttpRequest) -> Option<Self> {
        request.extensions().get().cloned()
    }

    /// Returns the API key.
    pub(crate) fn key(&self) -> Option<&ApiKey> {
        match self {
            Self::Key(key) => Some(key),
            Self::Proxy { .. } => None,
        }
    }

    /// Returns how the user is known, for the audit log.
    pub(crate) fn access_method(&self) -> AccessMethod {
        match self {
            Self::Key(_) => AccessMethod::ApiKey,
            Self::Proxy { .. } => AccessMethod::Proxy,
        }
    }

    /// Returns whether a credential that gave access still does.
    ///
    /// # Errors
    /// When the key or the account can't be read.
    pub(crate) async fn is_valid(&self, chat: &Chat) -> Result<bool, ChatError> {
        match self {
            Self::Key(key) => chat.api_keys.accepts(key).await,
            Self::Proxy { account, .. } => {
                let current = chat.accounts.find(account.user_id).await?;
                Ok(current.is_some_and(|current| {
                    current.disabled_at.is_none() && current.version == account.version
                }))
            }
        }
    }
}

/// Returns what stands for the session of a request with a credential, which is then [`Credential::of`] the request.
/// Returns `None` if the request has no credential.
///
/// # Errors
/// If the credential gives no access.
pub(crate) async fn session_of_credential(
    request: &HttpRequest,
    chat: &Chat,
) -> Result<Option<Session>, ApiError> {
    let (credential, session) = match session_of_key(request, chat).await? {
        Some((key, session)) => (Credential::Key(Arc::new(key)), session),
        None => match find_proxy_user(request, chat).await? {
            Some(ProxyUser { account, session, has_session }) => {
                (Credential::Proxy { account: Arc::new(account), has_session }, session)
            }
            None => return Ok(None),
        },
    };
    // The middleware logs the user of a refused request.
    request.extensions_mut().insert(session.user_id);
    request.extensions_mut().insert(credential);
    Ok(Some(session))
}

/// Returns whether the request has a credential, which may be invalid.
pub(crate) fn is_present(request: &HttpRequest) -> bool {
    has_key(request.headers()) || sign_in_proxy::names_user(request)
}

/// Returns the id that stands for a session in the requests with a credential, which may be invalid.
pub(crate) fn session_id(request: &HttpRequest) -> Option<SessionId> {
    if has_key(request.headers()) {
        return api_key::secret(request.headers()).map(|secret| secret.hash().session_id());
    }
    sign_in_proxy::session_id(request)
}
