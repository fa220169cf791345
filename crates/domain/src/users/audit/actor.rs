//! Who does something that the audit log records.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::texts::RequestId;
use crate::{AccountName, UserId};

/// Who does something that the audit log records, and from where.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The user; `None` if nobody is signed in.
    pub user_id: Option<UserId>,
    /// The name of the user's account. The services add it.
    pub name: Option<AccountName>,
    /// How the user is known.
    pub via: AccessMethod,
    /// The address of the client; `None` on the command line.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, examples("192.0.2.1")))]
    pub address: Option<IpAddr>,
    /// The id of the request, as in the log of the server.
    pub request_id: Option<RequestId>,
}

impl Actor {
    /// The operator, with a command of the command line.
    pub const COMMAND_LINE: Self = Self {
        user_id: None,
        name: None,
        via: AccessMethod::CommandLine,
        address: None,
        request_id: None,
    };

    /// A client without a signed-in user, whose address is unknown.
    pub const ANONYMOUS: Self = Self { via: AccessMethod::Anonymous, ..Self::COMMAND_LINE };

    /// Returns the same client, as the user who has just signed in with a session.
    #[must_use]
    pub fn signed_in(&self, user_id: UserId, name: AccountName) -> Self {
        let via = match self.via {
            AccessMethod::Anonymous => AccessMethod::Session,
            via => via,
        };
        Self { user_id: Some(user_id), name: Some(name), via, ..self.clone() }
    }
}

/// How a user who does something is known.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    IntoStaticStr,
    EnumString,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AccessMethod {
    /// By a session cookie, after a sign-in.
    Session,
    /// By an API key.
    ApiKey,
    /// By a proxy, which has signed the user in.
    Proxy,
    /// As the operator, who uses the command line.
    CommandLine,
    /// Not at all.
    Anonymous,
}
