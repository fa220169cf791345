//! Ids that the server generates.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::client_ids::IdempotencyKey;
use crate::AccountName;

/// A string that is not a UUID.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("'{0}' is not a valid id: expected a UUID")]
pub struct InvalidId(String);

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
        pub struct $name(Uuid);

        impl $name {
            /// Generates a new id: a version 7 UUID, so that ids sort by their time of creation.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// Formats the id as 32 hexadecimal digits without hyphens, as it is stored.
            #[must_use]
            pub fn to_simple(self) -> String {
                self.0.as_simple().to_string()
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId(text.to_owned()))
            }
        }
    };
}

uuid_id!(
    /// A user. Each anonymous browser is a separate user.
    UserId
);
uuid_id!(
    /// A conversation.
    ConversationId
);
uuid_id!(
    /// A message: a question or an answer.
    MessageId
);
uuid_id!(
    /// A turn: a question and the generation of its answer.
    TurnId
);
uuid_id!(
    /// A few-shot example for the model.
    ExampleId
);
uuid_id!(
    /// The import of a file of conversations.
    ImportId
);
uuid_id!(
    /// The analysis of a file.
    JobId
);
uuid_id!(
    /// One run of a job on one instance. It shows the instance whether another run has replaced its own.
    RunId
);
uuid_id!(
    /// A running process of the server.
    InstanceId
);
uuid_id!(
    /// The publication of an event. Publishing again with the same id has no effect.
    EventId
);

uuid_id!(
    /// A device on which a user has signed in.
    DeviceId
);
uuid_id!(
    /// An API key, for its user. It gives no access.
    ApiKeyId
);

uuid_id!(
    /// The erasure of a user.
    ErasureId
);
uuid_id!(
    /// A session, for the list that its user sees. It gives no access to the session.
    PublicSessionId
);

macro_rules! keyed_id {
    ($name:ident of $scope:ident) => {
        impl $name {
            /// Returns the id that is derived from the key within `scope`: always the same version 5 UUID. Without
            /// a key, generates a new id.
            #[must_use]
            pub fn from_idempotency_key(scope: $scope, key: Option<&IdempotencyKey>) -> Self {
                let Some(key) = key else { return Self::generate() };
                let name = format!("{}:{}", stringify!($name), key.as_str());
                Self(Uuid::new_v5(&scope.0, name.as_bytes()))
            }
        }
    };
}

keyed_id!(ConversationId of UserId);
keyed_id!(ImportId of UserId);
keyed_id!(ExampleId of ConversationId);
keyed_id!(JobId of ConversationId);

impl EventId {
    /// Returns the id of an event that subscribers receive once per turn, even if several instances publish it.
    #[must_use]
    pub fn once_per_turn(turn_id: TurnId, event: &str) -> Self {
        Self(Uuid::new_v5(&turn_id.0, event.as_bytes()))
    }
}

/// The id of a browser's session. It is random, because a browser authenticates itself by sending it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(Uuid);

impl SessionId {
    /// Generates a new id of 122 random bits.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::new_v4())
    }

    /// Returns the id that stands for a session in the requests with an API key.
    pub(crate) fn of_key(hash: &[u8; 32]) -> Self {
        Self(Uuid::new_v5(&Uuid::nil(), hash))
    }

    /// Returns the id of the session of a user whom a proxy signs in. It can be guessed, but clients can't choose the
    /// id in their cookie, which is encrypted.
    #[must_use]
    pub fn of_proxy_user(name: &AccountName) -> Self {
        Self(Uuid::new_v5(&Uuid::nil(), format!("proxy user {name}").as_bytes()))
    }

    /// Formats the id as 32 hexadecimal digits, as it is stored.
    #[must_use]
    pub fn to_simple(self) -> String {
        self.0.as_simple().to_string()
    }

    /// Returns the id of the session for the list that its user sees: a version 5 UUID, from which this id can't be
    /// found.
    #[must_use]
    pub fn public(self) -> PublicSessionId {
        PublicSessionId(Uuid::new_v5(&self.0, b"public"))
    }
}

impl FromStr for SessionId {
    type Err = InvalidId;

    /// The error does not contain the text.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Uuid::try_parse(text).map(Self).map_err(|_| InvalidId("[redacted]".to_owned()))
    }
}

/// Redacts the id, so that it does not leak into the log.
impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_parsed_with_and_without_hyphens() {
        let id = ConversationId::generate();

        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_simple().parse(), Ok(id));
    }

    #[test]
    fn an_invalid_id_is_quoted_in_the_error() {
        let error = "../etc/passwd".parse::<ConversationId>().unwrap_err();

        assert_eq!(error.to_string(), "'../etc/passwd' is not a valid id: expected a UUID");
    }

    #[test]
    fn a_key_maps_to_one_id_within_its_scope_and_kind() {
        let key = |text: &str| IdempotencyKey::try_from(text.to_owned()).unwrap();
        let (one, other) = (UserId::generate(), UserId::generate());
        let id = |user, text| ConversationId::from_idempotency_key(user, Some(&key(text)));

        assert_eq!(id(one, "k1"), id(one, "k1"));
        assert_ne!(id(one, "k1"), id(one, "k2"));
        assert_ne!(id(one, "k1"), id(other, "k1"));
        assert_ne!(ImportId::from_idempotency_key(one, Some(&key("k1"))).0, id(one, "k1").0);
        assert_ne!(
            ConversationId::from_idempotency_key(one, None),
            ConversationId::from_idempotency_key(one, None)
        );
    }

    #[test]
    fn debug_output_does_not_contain_the_session_id() {
        let id = SessionId::generate();

        assert!(!format!("{id:?}").contains(&id.to_simple()));
    }
}
