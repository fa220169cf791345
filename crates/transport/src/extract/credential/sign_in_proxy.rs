//! The user whom a proxy has signed in.

use actix_web::http::header::{AUTHORIZATION, COOKIE, HOST, HeaderName, ORIGIN};
use actix_web::{HttpRequest, web};
use ipnet::IpNet;
use webchat_chat::{Chat, ChatError};
use webchat_domain::{AccessMethod, Account, AccountName, Actor, Session, SessionId};

use crate::error::api_error::ApiError;
use crate::extract::actor::client;

/// Proxies that sign users in, such as oauth2-proxy, and name the user in a header.
#[derive(Clone)]
pub struct SignInProxy {
    /// The header. Its value is the name of an account.
    header: HeaderName,
    /// The addresses of the proxies. The header of all other clients is ignored.
    addresses: Vec<IpNet>,
}

impl SignInProxy {
    /// Creates the settings. Returns `None` if the header's name is invalid, or is that of a header with another purpose.
    #[must_use]
    pub fn new(header: &str, addresses: Vec<IpNet>) -> Option<Self> {
        let header: HeaderName = header.parse().ok()?;
        let is_used = [AUTHORIZATION, COOKIE, HOST, ORIGIN].contains(&header);
        (!is_used).then_some(Self { header, addresses })
    }

    /// Returns the name in the header, if the request comes from a proxy.
    ///
    /// # Errors
    /// [`ApiError::InvalidRequest`] if there are several names, or one that can't be the name of an account.
    fn name(&self, request: &HttpRequest) -> Result<Option<AccountName>, ApiError> {
        let Some(peer) = request.peer_addr() else { return Ok(None) };
        let peer = peer.ip().to_canonical();
        if !self.addresses.iter().any(|network| network.contains(&peer)) {
            return Ok(None);
        }
        let mut values = request.headers().get_all(&self.header);
        let Some(value) = values.next() else { return Ok(None) };
        let invalid =
            || ApiError::InvalidRequest(format!("The header `{}` is invalid.", self.header));
        if values.next().is_some() {
            return Err(invalid());
        }
        let name = value.to_str().ok().and_then(|name| name.parse().ok());
        name.map(Some).ok_or_else(invalid)
    }
}

/// Returns the name of the user whom a proxy has signed in, if there is one.
fn name_of(request: &HttpRequest) -> Result<Option<AccountName>, ApiError> {
    let proxy = request.app_data::<web::Data<Option<SignInProxy>>>();
    match proxy.and_then(|proxy| proxy.as_ref().as_ref()) {
        Some(proxy) => proxy.name(request),
        None => Ok(None),
    }
}

/// Returns whether a proxy has signed a user in, whose name may be invalid.
pub(crate) fn names_user(request: &HttpRequest) -> bool {
    !matches!(name_of(request), Ok(None))
}

/// Returns the id of the session of the user whom a proxy has signed in.
pub(crate) fn session_id(request: &HttpRequest) -> Option<SessionId> {
    name_of(request).ok().flatten().map(|name| SessionId::of_proxy_user(&name))
}

/// A user whom a proxy has signed in.
pub(crate) struct ProxyUser {
    pub(crate) account: Account,
    pub(crate) session: Session,
    /// Whether the session is stored.
    pub(crate) has_session: bool,
}

/// Returns the user whom a proxy has signed in. The account is created for the user's first request.
///
/// # Errors
/// [`ApiError::InvalidRequest`]; [`ChatError::AccountDisabled`].
pub(crate) async fn find_proxy_user(
    request: &HttpRequest,
    chat: &Chat,
) -> Result<Option<ProxyUser>, ApiError> {
    let Some(name) = name_of(request)? else { return Ok(None) };
    let id = SessionId::of_proxy_user(&name);
    let actor = Actor { name: Some(name.clone()), via: AccessMethod::Proxy, ..client(request) };
    let account = chat.accounts.find_or_add(name, &actor).await?;
    if account.disabled_at.is_some() {
        return Err(ChatError::AccountDisabled.into());
    }
    let session = chat.sessions.find_session(id).await?;
    let session = session.filter(|session| session.user_id == account.user_id);
    let has_session = session.is_some();
    let session = session.unwrap_or_else(|| Session::anonymous(id, account.user_id));
    Ok(Some(ProxyUser { account, session, has_session }))
}
