//! On whose behalf a use case runs.

use std::net::IpAddr;

use webchat_domain::UserId;

/// On whose behalf a use case runs: its tokens count for the user and the client address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user_id: UserId,
    /// The address of the client. `None` for work in the background.
    pub address: Option<IpAddr>,
}

impl From<UserId> for Caller {
    fn from(user_id: UserId) -> Self {
        Self { user_id, address: None }
    }
}
