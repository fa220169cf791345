//! API keys, with which programs act on behalf of a user.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::Timestamp;
use crate::ids::{ApiKeyId, SessionId, UserId};

/// A key with which a program acts on behalf of a user, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Identifies the key. It gives no access.
    pub key_id: ApiKeyId,
    /// The user.
    pub user_id: UserId,
    /// What the key is for, in the user's words.
    pub name: ApiKeyName,
    /// The hash of the secret.
    pub hash: ApiKeyHash,
    /// What programs with the key may do.
    pub scopes: ApiKeyScopes,
    /// When the key was created.
    pub created_at: Timestamp,
    /// When the key expires; `None` if it does not.
    pub expires_at: Option<Timestamp>,
    /// When the key was last used, to the minute; `None` if it never was.
    pub last_used_at: Option<Timestamp>,
}

/// What an API key allows.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyScope {
    /// Read and search conversations, and follow them.
    Read,
    /// Send messages, and change and delete conversations.
    Chat,
    /// Analyse files, and delete them.
    Files,
    /// Export conversations, and save them on the server.
    Export,
    /// Manage users, and read the audit log. Only keys of administrators have it.
    Admin,
}

impl ApiKeyScope {
    /// All scopes.
    pub const ALL: [Self; 5] = [Self::Read, Self::Chat, Self::Files, Self::Export, Self::Admin];

    /// Returns the name of the scope. It must never change, because databases contain it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Chat => "chat",
            Self::Files => "files",
            Self::Export => "export",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for ApiKeyScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The scopes of an API key: at least one. As a text, they are separated by commas.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = Vec<ApiKeyScope>, min_items = 1))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeSet<ApiKeyScope>", into = "BTreeSet<ApiKeyScope>")]
pub struct ApiKeyScopes(BTreeSet<ApiKeyScope>);

/// A text or set without scopes, or with an unknown one.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a key needs at least one of the scopes read, chat, files, export and admin")]
pub struct InvalidApiKeyScopes;

impl ApiKeyScopes {
    /// Returns whether the key has this scope.
    #[must_use]
    pub fn contains(&self, scope: ApiKeyScope) -> bool {
        self.0.contains(&scope)
    }
}

impl TryFrom<BTreeSet<ApiKeyScope>> for ApiKeyScopes {
    type Error = InvalidApiKeyScopes;

    fn try_from(scopes: BTreeSet<ApiKeyScope>) -> Result<Self, InvalidApiKeyScopes> {
        if scopes.is_empty() { Err(InvalidApiKeyScopes) } else { Ok(Self(scopes)) }
    }
}

impl From<ApiKeyScopes> for BTreeSet<ApiKeyScope> {
    fn from(scopes: ApiKeyScopes) -> Self {
        scopes.0
    }
}

impl FromStr for ApiKeyScopes {
    type Err = InvalidApiKeyScopes;

    fn from_str(text: &str) -> Result<Self, InvalidApiKeyScopes> {
        let scope =
            |name: &str| ApiKeyScope::ALL.into_iter().find(|scope| scope.name() == name.trim());
        let scopes: Option<BTreeSet<_>> = text.split(',').map(scope).collect();
        scopes.ok_or(InvalidApiKeyScopes)?.try_into()
    }
}

impl fmt::Display for ApiKeyScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|scope| scope.name()).collect();
        f.write_str(&names.join(","))
    }
}

/// The name of an API key: 1 to 64 characters, without control characters.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1, max_length = 64, pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$", examples("nightly report")))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApiKeyName(String);

/// A string that is not a valid name of an API key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the name of a key must have 1 to {} characters, on one line", ApiKeyName::MAX_CHARS)]
pub struct InvalidApiKeyName;

impl ApiKeyName {
    /// The maximum number of characters of a name.
    pub const MAX_CHARS: usize = 64;

    /// Returns the name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ApiKeyName {
    type Error = InvalidApiKeyName;

    fn try_from(text: String) -> Result<Self, InvalidApiKeyName> {
        let name = text.trim();
        let is_short = name.chars().nth(Self::MAX_CHARS).is_none();
        if name.is_empty() || !is_short || name.chars().any(char::is_control) {
            return Err(InvalidApiKeyName);
        }
        Ok(Self(name.to_owned()))
    }
}

impl FromStr for ApiKeyName {
    type Err = InvalidApiKeyName;

    fn from_str(text: &str) -> Result<Self, InvalidApiKeyName> {
        text.to_owned().try_into()
    }
}

impl From<ApiKeyName> for String {
    fn from(name: ApiKeyName) -> Self {
        name.0
    }
}

impl fmt::Display for ApiKeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The secret of an API key, which a program sends with each request: `wc_`, 256 random bits and a checksum of 32 bits,
/// both as hexadecimal digits. The fixed form lets scanners find keys that were published by accident.
///
/// It is not in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeySecret(String);

/// A string that is not the secret of an API key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not an API key: it must be `wc_` and {} hexadecimal digits", ApiKeySecret::DIGITS)]
pub struct InvalidApiKeySecret;

impl ApiKeySecret {
    /// The first characters of every secret.
    pub const PREFIX: &str = "wc_";

    /// The number of random bytes.
    const RANDOM_BYTES: usize = 32;

    /// The number of bytes of the checksum: the first bytes of the SHA-256 hash of the random ones.
    const CHECKSUM_BYTES: usize = 4;

    /// The number of hexadecimal digits after the prefix.
    const DIGITS: usize = 2 * (Self::RANDOM_BYTES + Self::CHECKSUM_BYTES);

    /// Generates a secret.
    ///
    /// # Errors
    /// If the system's random number generator fails.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; Self::RANDOM_BYTES];
        getrandom::fill(&mut bytes)?;
        let digits = HEXLOWER.encode(&bytes);
        Ok(Self([Self::PREFIX, &digits, &checksum(&digits)].concat()))
    }

    /// Returns the text that the program sends.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the hash under which the key is stored. A simple hash suffices, because the secret can't be guessed.
    #[must_use]
    pub fn hash(&self) -> ApiKeyHash {
        ApiKeyHash(Sha256::digest(&self.0).into())
    }
}

impl FromStr for ApiKeySecret {
    type Err = InvalidApiKeySecret;

    /// The error does not contain the text.
    fn from_str(text: &str) -> Result<Self, InvalidApiKeySecret> {
        let digits = text.strip_prefix(Self::PREFIX).ok_or(InvalidApiKeySecret)?;
        let is_complete =
            digits.len() == Self::DIGITS && HEXLOWER.decode(digits.as_bytes()).is_ok();
        let parts = digits.split_at_checked(2 * Self::RANDOM_BYTES);
        match parts {
            Some((random, sum)) if is_complete && sum == checksum(random) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(InvalidApiKeySecret),
        }
    }
}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeySecret([redacted])")
    }
}

/// The SHA-256 hash of an API key's secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ApiKeyHash([u8; 32]);

impl ApiKeyHash {
    /// Returns the id that stands for a session in the requests with this key, which have none. It is the same for all
    /// of them, and is not stored.
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        SessionId::of_key(&self.0)
    }
}

/// Formats the hash as 64 hexadecimal digits, as it is stored.
impl fmt::Display for ApiKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

/// A string that is not the hash of an API key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not the hash of an API key: it must be 64 hexadecimal digits")]
pub struct InvalidApiKeyHash;

impl FromStr for ApiKeyHash {
    type Err = InvalidApiKeyHash;

    fn from_str(text: &str) -> Result<Self, InvalidApiKeyHash> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(InvalidApiKeyHash)
    }
}

/// Returns the first hexadecimal digits of the SHA-256 hash.
fn checksum(digits: &str) -> String {
    let hash = Sha256::digest(digits);
    HEXLOWER.encode(hash.get(..ApiKeySecret::CHECKSUM_BYTES).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_secrets_are_valid_and_different() {
        let (one, other) = (ApiKeySecret::generate().unwrap(), ApiKeySecret::generate().unwrap());

        assert_eq!(one.expose().parse(), Ok(one.clone()));
        assert_ne!(one.hash(), other.hash());
        assert_eq!(one.hash().to_string().parse(), Ok(one.hash()));
        assert!(!format!("{one:?}").contains("wc_"));
    }

    #[test]
    fn a_secret_with_a_wrong_character_is_invalid() {
        let secret = ApiKeySecret::generate().unwrap();
        let text = secret.expose();
        let swap = |digit: char| if digit == '0' { '1' } else { '0' };

        for index in text.char_indices().map(|(index, _)| index) {
            let mut characters: Vec<char> = text.chars().collect();
            characters[index] = swap(characters[index]);
            let changed: String = characters.into_iter().collect();
            assert_eq!(changed.parse::<ApiKeySecret>(), Err(InvalidApiKeySecret), "{changed}");
        }
        for other in ["", "wc_", text.get(..74).unwrap(), &format!("{text}0"), &text.to_uppercase()]
        {
            assert_eq!(other.parse::<ApiKeySecret>(), Err(InvalidApiKeySecret), "{other}");
        }
    }

    #[test]
    fn scopes_are_read_from_their_text() {
        let scopes: ApiKeyScopes = "read, chat".parse().unwrap();

        assert_eq!(scopes.to_string(), "read,chat");
        assert!(scopes.contains(ApiKeyScope::Chat) && !scopes.contains(ApiKeyScope::Files));
        for text in ["", ",", "read,", "all", "Read"] {
            assert_eq!(text.parse::<ApiKeyScopes>(), Err(InvalidApiKeyScopes), "{text}");
        }
    }

    #[test]
    fn a_name_is_one_short_line() {
        let name = |text: &str| text.parse().map(|ApiKeyName(name)| name);

        assert_eq!(name(" nightly report ").as_deref(), Ok("nightly report"));
        for text in ["", " ", "a\nb", &"x".repeat(65)] {
            assert_eq!(name(text), Err(InvalidApiKeyName), "{text:?}");
        }
    }
}
