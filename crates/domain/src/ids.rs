use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::IdempotencyKey;

/// A text that should be an id and is not a UUID.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("'{0}' is not an id: a UUID is expected")]
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
            /// A new id, a UUID of version 7: ids made later sort later.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id as 32 hexadecimal digits without hyphens, as stores keep it.
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
    /// Who the request acts for. An anonymous browser has its own.
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
    /// One user message and the answer being made for it.
    TurnId
);
uuid_id!(
    /// An example for the model.
    ExampleId
);
uuid_id!(
    /// A file of conversations that is being brought.
    ImportId
);
uuid_id!(
    /// A file that is analysed.
    JobId
);
uuid_id!(
    /// One run of a job, at one server: whoever loses its job to another run can tell by it.
    RunId
);
uuid_id!(
    /// One telling of an event: whoever is not sure to have told it tells it again under the same id.
    EventId
);

macro_rules! keyed_id {
    ($name:ident of $scope:ident) => {
        impl $name {
            /// The id that the key stands for, within `scope`: the same each time (a UUID of version 5).
            /// Without a key, a new one.
            #[must_use]
            pub fn of_key(scope: $scope, key: Option<&IdempotencyKey>) -> Self {
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
    /// The id of an event that comes once in a turn: whoever tells it, it is told once.
    #[must_use]
    pub fn once_in(turn_id: TurnId, event: &str) -> Self {
        Self(Uuid::new_v5(&turn_id.0, event.as_bytes()))
    }
}

/// A browser's session. Random, as whoever knows it is that browser.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(Uuid);

impl SessionId {
    /// A new id of 122 random bits.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::new_v4())
    }

    /// The id as 32 hexadecimal digits, as stores keep it.
    #[must_use]
    pub fn to_simple(self) -> String {
        self.0.as_simple().to_string()
    }
}

/// Hides the id, so that it can't reach a log by way of a struct that holds it.
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
    fn what_is_no_uuid_is_refused_by_name() {
        let error = "../etc/passwd".parse::<ConversationId>().unwrap_err();

        assert_eq!(error.to_string(), "'../etc/passwd' is not an id: a UUID is expected");
    }

    #[test]
    fn a_key_stands_for_one_id_within_its_scope_and_kind() {
        let key = |text: &str| IdempotencyKey::try_from(text.to_owned()).unwrap();
        let (one, other) = (UserId::generate(), UserId::generate());
        let id = |user, text| ConversationId::of_key(user, Some(&key(text)));

        assert_eq!(id(one, "k1"), id(one, "k1"));
        assert_ne!(id(one, "k1"), id(one, "k2"));
        assert_ne!(id(one, "k1"), id(other, "k1"));
        assert_ne!(ImportId::of_key(one, Some(&key("k1"))).0, id(one, "k1").0);
        assert_ne!(ConversationId::of_key(one, None), ConversationId::of_key(one, None));
    }

    #[test]
    fn a_session_id_does_not_show_in_debug_output() {
        let id = SessionId::generate();

        assert!(!format!("{id:?}").contains(&id.to_simple()));
    }
}
