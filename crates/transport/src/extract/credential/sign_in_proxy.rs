//! The user whom a proxy has signed in.

use std::collections::BTreeSet;

use actix_web::http::header::{AUTHORIZATION, COOKIE, HOST, HeaderName, ORIGIN};
use actix_web::{HttpRequest, web};
use ipnet::IpNet;
use webchat_chat::{Chat, ChatError};
use webchat_domain::{
    AccessMethod, Account, AccountName, Actor, GroupName, GroupNames, GroupSource, Session,
    SessionId,
};

use crate::error::api_error::ApiError;
use crate::extract::actor::client;

/// Proxies that sign users in, such as oauth2-proxy, and name the user and the groups in headers.
#[derive(Clone)]
pub struct SignInProxy {
    /// The header. Its value is the name of an account.
    header: HeaderName,
    /// The header with the user's groups, separated by commas; `None` if the proxies name none.
    group_header: Option<HeaderName>,
    /// The addresses of the proxies. The header of all other clients is ignored.
    addresses: Vec<IpNet>,
}

impl SignInProxy {
    /// Creates the settings. Returns `None` if the name of a header is invalid, or is that of a header with another
    /// purpose.
    #[must_use]
    pub fn new(header: &str, group_header: Option<&str>, addresses: Vec<IpNet>) -> Option<Self> {
        let header = free_header(header)?;
        let group_header = match group_header {
            Some(name) => Some(free_header(name)?),
            None => None,
        };
        Some(Self { header, group_header, addresses })
    }

    /// Returns the groups in the header of a request that comes from a proxy. `None` if they are too many: then those of
    /// the last request stay.
    fn groups(&self, request: &HttpRequest) -> Option<GroupNames> {
        let values = self.group_header.iter().flat_map(|name| request.headers().get_all(name));
        let texts = values.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
        let names = texts.flat_map(|text| text.split(',')).filter_map(|name| name.parse().ok());
        let groups = GroupNames::try_from(names.collect::<BTreeSet<GroupName>>());
        // Each request would repeat a warning.
        groups.inspect_err(|error| tracing::debug!(%error, "ignored the groups of a proxy")).ok()
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

/// Parses the name of a header that has no other purpose.
fn free_header(name: &str) -> Option<HeaderName> {
    let header: HeaderName = name.parse().ok()?;
    (![AUTHORIZATION, COOKIE, HOST, ORIGIN].contains(&header)).then_some(header)
}

fn proxy_of(request: &HttpRequest) -> Option<&SignInProxy> {
    request.app_data::<web::Data<Option<SignInProxy>>>()?.as_ref().as_ref()
}

/// Returns the name of the user whom a proxy has signed in, if there is one.
fn name_of(request: &HttpRequest) -> Result<Option<AccountName>, ApiError> {
    proxy_of(request).map_or(Ok(None), |proxy| proxy.name(request))
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

/// Returns the user whom a proxy has signed in, with the groups that it names. The account is created for the user's
/// first request.
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
    let account = match proxy_of(request).and_then(|proxy| proxy.groups(request)) {
        Some(groups) => {
            let actor = actor.signed_in(account.user_id, account.name.clone());
            chat.accounts.set_groups(account, GroupSource::Proxy, groups, &actor).await?
        }
        None => account,
    };
    let session = chat.sessions.find_session(id).await?;
    let session = session.filter(|session| session.user_id == account.user_id);
    let has_session = session.is_some();
    let session = session.unwrap_or_else(|| Session::anonymous(id, account.user_id));
    Ok(Some(ProxyUser { account, session, has_session }))
}
