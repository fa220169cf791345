//! Who makes a request: callers, their networks and the sessions of browsers.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::ProviderSession;
use crate::Timestamp;
use crate::ids::{ConversationId, SessionId, UserId};

/// The user and client on whose behalf a request is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user_id: UserId,
    /// The address of the user's client, if there is one.
    pub address: Option<IpAddr>,
}

impl Caller {
    /// Returns the network of the client.
    #[must_use]
    pub fn network(&self) -> Option<Network> {
        self.address.map(Network::of)
    }
}

impl From<UserId> for Caller {
    fn from(user_id: UserId) -> Self {
        Self { user_id, address: None }
    }
}

/// The network of a client: an IPv4 address, or the /64 prefix of an IPv6 address, because a client can use any
/// address within its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// The number of bits of an IPv6 address that a client can choose.
    const HOST_BITS: u32 = 64;

    /// Returns the network of an address. An IPv4-mapped IPv6 address counts as an IPv4 address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let prefix = address.to_bits() >> Self::HOST_BITS << Self::HOST_BITS;
                Ipv6Addr::from_bits(prefix).into()
            }
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// Formats the first address of the network.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The session of a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The id. A browser authenticates itself by sending it.
    pub session_id: SessionId,
    /// The user on whose behalf the browser acts.
    pub user_id: UserId,
    /// The current conversation, for requests that do not name one.
    pub conversation_id: Option<ConversationId>,
    /// How the user signed in; `None` if the user is anonymous.
    pub sign_in: Option<SignIn>,
}

impl Session {
    /// Creates a session in which nobody is signed in.
    #[must_use]
    pub fn anonymous(session_id: SessionId, user_id: UserId) -> Self {
        Self { session_id, user_id, conversation_id: None, sign_in: None }
    }
}

/// How a user signed in to a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// When the user signed in.
    pub at: Timestamp,
    /// The browser and system, from the `User-Agent`; empty if unknown.
    pub device: String,
    /// The version of the account. The session ends when the account has another one.
    pub account_version: u32,
    /// The session of the identity provider with which the user has signed in; `None` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderSession>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_an_ipv4_address_or_a_64_bit_ipv6_prefix() {
        let network = |address: &str| Network::of(address.parse().unwrap());

        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("2001:db8:1:2::1").to_string(), "2001:db8:1:2::");
    }
}
