//! Ids that clients choose, so that a repeated request takes effect once.

use serde::{Deserialize, Serialize};
use thiserror::Error;

macro_rules! client_id {
    ($(#[$doc:meta])* $name:ident, $invalid:ident, $subject:literal, $example:literal) => {
        $(#[$doc])*
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(
            feature = "openapi",
            schema(value_type = String, min_length = 1, max_length = 128, examples($example))
        )]
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        #[doc = concat!("A string that is not a valid [`", stringify!($name), "`].")]
        #[derive(Debug, Error, PartialEq, Eq)]
        #[error("{} must have 1 to 128 characters", $subject)]
        pub struct $invalid;

        impl $name {
            /// Returns the string.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $invalid;

            fn try_from(text: String) -> Result<Self, $invalid> {
                if (1..=128).contains(&text.chars().count()) { Ok(Self(text)) } else { Err($invalid) }
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

client_id!(
    /// The id that a client gives to a message, so that a duplicate has no effect: 1 to 128 characters.
    ClientMessageId, InvalidClientMessageId, "a client_message_id", "m1"
);
client_id!(
    /// The key that a client gives to an HTTP request, so that a duplicate has no effect: 1 to 128
    /// characters. See
    /// <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>.
    IdempotencyKey, InvalidIdempotencyKey, "an Idempotency-Key", "k1"
);

impl From<IdempotencyKey> for ClientMessageId {
    fn from(key: IdempotencyKey) -> Self {
        Self(key.0)
    }
}
