//! Accounts: the users who can sign in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use unicode_security::{GeneralSecurityProfile, MixedScript};

use super::AccountGroups;
use crate::{Timestamp, UserId};

/// A user who can sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user_id: UserId,
    /// The name with which the user signs in. No two accounts have the same name.
    pub name: AccountName,
    /// What the user may do.
    pub role: AccountRole,
    /// The groups of the user.
    pub groups: AccountGroups,
    /// The hash of the password; `None` if the user can't sign in with a password.
    pub password: Option<PasswordHash>,
    /// Whether the user must choose a new password before anything else, because somebody else knows this one.
    pub must_change_password: bool,
    /// Changes when all sessions of the user end: with the password, the role, or when the account is disabled.
    pub version: u32,
    /// When the account was created.
    pub created_at: Timestamp,
    /// When the account was disabled; `None` if it is enabled.
    pub disabled_at: Option<Timestamp>,
    /// When the user last signed in.
    pub signed_in_at: Option<Timestamp>,
    /// Whether the account has or had an API key.
    pub has_had_key: bool,
}

impl Account {
    /// Returns whether a user or a program has used the account: it can have conversations, so it must not become that of
    /// another user.
    #[must_use]
    pub fn is_used(&self) -> bool {
        self.signed_in_at.is_some() || self.has_had_key
    }

    /// Returns whether the account is an administrator's and enabled.
    #[must_use]
    pub fn is_active_admin(&self) -> bool {
        self.role == AccountRole::Admin && self.disabled_at.is_none()
    }
}

/// What a user may do.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountRole {
    /// Use their own conversations.
    User,
    /// Also read the accounts and the audit log.
    Auditor,
    /// Also manage accounts.
    Admin,
}

/// The name of an account: 1 to 64 letters, digits and the characters `.`, `_`, `-`, `@` and `+`, beginning with a
/// letter or digit.
///
/// Names that differ only in case, or in the encoding of the same characters (Unicode NFKC), are equal.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1, max_length = 64, examples("alice")))]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountName(String);

/// A string that is not a valid account name.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "a name must have 1 to {} letters, digits or the characters . _ - @ +, and begin with a letter or digit",
    AccountName::MAX_CHARS
)]
pub struct InvalidAccountName;

impl AccountName {
    /// The maximum number of characters of a name.
    pub const MAX_CHARS: usize = 64;

    /// Returns the beginning of a name in the form that names have.
    ///
    /// # Errors
    /// [`InvalidAccountName`] if it is longer than a name.
    pub fn prefix(text: &str) -> Result<String, InvalidAccountName> {
        if text.chars().nth(Self::MAX_CHARS).is_some() {
            return Err(InvalidAccountName);
        }
        Ok(normalized(text))
    }

    /// Returns whether the name can hardly be mistaken for another one: its letters belong to one script, such as Latin
    /// or Japanese, and none of them is invisible or obsolete (Unicode Technical Standard 39).
    #[must_use]
    pub fn is_unambiguous(&self) -> bool {
        let mut letters = self.0.chars().filter(|c| c.is_alphanumeric());
        self.0.is_single_script() && letters.all(GeneralSecurityProfile::identifier_allowed)
    }

    /// Returns the name's text, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountName {
    type Err = InvalidAccountName;

    fn from_str(text: &str) -> Result<Self, InvalidAccountName> {
        // Normalization may lengthen the text, so limit it first.
        if text.chars().nth(Self::MAX_CHARS).is_some() {
            return Err(InvalidAccountName);
        }
        let name = normalized(text);
        let is_allowed = |c: char| c.is_alphanumeric() || ".-_@+".contains(c);
        let begins_well = name.chars().next().is_some_and(char::is_alphanumeric);
        if !begins_well || !name.chars().all(is_allowed) || name.chars().count() > Self::MAX_CHARS {
            return Err(InvalidAccountName);
        }
        Ok(Self(name))
    }
}

fn normalized(text: &str) -> String {
    text.trim().nfkc().collect::<String>().to_lowercase().nfkc().collect()
}

impl TryFrom<String> for AccountName {
    type Error = InvalidAccountName;

    fn try_from(text: String) -> Result<Self, InvalidAccountName> {
        text.parse()
    }
}

impl From<AccountName> for String {
    fn from(name: AccountName) -> Self {
        name.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A password as its user entered it: 1 to 1,024 bytes, in Unicode NFKC, so that it is the same on every keyboard. It is
/// not in debug output.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Password(String);

/// A string that is not a password.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a password must have 1 to {} bytes", Password::MAX_BYTES)]
pub struct InvalidPassword;

impl Password {
    /// The maximum length of a password in bytes.
    pub const MAX_BYTES: usize = 1_024;

    /// The minimum number of characters of a password that is chosen.
    pub const MIN_CHARS: usize = 12;

    /// The characters of generated passwords: 32 that are not easily confused.
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

    /// The number of groups of four characters in a generated password, which has 5 bits per character.
    const GROUPS: usize = 5;

    /// Generates a password of 100 random bits, in groups of characters.
    ///
    /// # Errors
    /// If the system's random number generator fails.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; Self::GROUPS * 4];
        getrandom::fill(&mut bytes)?;
        let character = |byte: &u8| {
            let index = usize::from(byte % 32);
            char::from(Self::ALPHABET.get(index).copied().unwrap_or(b'a'))
        };
        let groups = bytes.chunks(4).map(|group| group.iter().map(character).collect::<String>());
        Ok(Self(groups.collect::<Vec<_>>().join("-")))
    }

    /// Returns the password's text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns whether the password has enough characters to be chosen.
    #[must_use]
    pub fn is_long_enough(&self) -> bool {
        self.0.chars().nth(Self::MIN_CHARS - 1).is_some()
    }
}

impl TryFrom<String> for Password {
    type Error = InvalidPassword;

    fn try_from(text: String) -> Result<Self, InvalidPassword> {
        // Normalization may lengthen the text, so limit it first.
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidPassword);
        }
        let password: String = text.nfkc().collect();
        let is_valid = (1..=Self::MAX_BYTES).contains(&password.len());
        is_valid.then_some(Self(password)).ok_or(InvalidPassword)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password([redacted])")
    }
}

/// The hash of a password, as a PHC string. It is not in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps a PHC string.
    #[must_use]
    pub fn new(phc: String) -> Self {
        Self(phc)
    }

    /// Returns the PHC string.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn name(text: &str) -> Result<String, InvalidAccountName> {
        text.parse().map(|AccountName(name)| name)
    }

    #[test]
    fn names_that_look_the_same_are_equal() {
        for text in ["alice", "ALICE", " Alice ", "ａｌｉｃｅ"] {
            assert_eq!(name(text).as_deref(), Ok("alice"), "{text}");
        }
        assert_eq!(name("e\u{301}ric"), name("\u{e9}ric"));
        assert_eq!(name("Ünal.Öz-1@example.org").as_deref(), Ok("ünal.öz-1@example.org"));
    }

    #[test]
    fn other_texts_are_not_names() {
        let too_long = "x".repeat(AccountName::MAX_CHARS + 1);
        let marks = format!("a{}", "\u{300}".repeat(10_000));
        let expanding = "\u{fdfa}".repeat(AccountName::MAX_CHARS);
        for text in
            ["", " ", ".alice", "a b", "a/b", "a\u{202e}b", "a\0", &too_long, &marks, &expanding]
        {
            assert_eq!(name(text), Err(InvalidAccountName), "{text:?}");
        }
    }

    #[test]
    fn names_of_several_scripts_or_with_invisible_letters_are_ambiguous() {
        let is_unambiguous = |text: &str| text.parse::<AccountName>().unwrap().is_unambiguous();

        for text in ["zoë.müller+1@example.com", "алиса", "山田たろう", "x-1_y", "42"] {
            assert!(is_unambiguous(text), "{text}");
        }
        for text in ["аdmin", "al\u{1160}ice", "paypal.ѕupport", "αlice"] {
            assert!(!is_unambiguous(text), "{text}");
        }
    }

    #[test]
    fn passwords_are_bounded_and_the_same_in_each_encoding() {
        let password = |text: &str| Password::try_from(text.to_owned());

        assert_eq!(password("ol\u{e9}"), password("ole\u{301}"));
        assert_eq!(password(""), Err(InvalidPassword));
        assert_eq!(password(&"x".repeat(Password::MAX_BYTES + 1)), Err(InvalidPassword));
        assert_eq!(password(&"\u{fdfa}".repeat(300)), Err(InvalidPassword));
        assert!(password("twelve chars").unwrap().is_long_enough());
        assert!(!password("eleven char").unwrap().is_long_enough());
        assert!(!format!("{:?}", password("secret")).contains("secret"));
    }

    #[test]
    fn generated_passwords_differ() {
        let passwords: HashSet<_> =
            (0..100).map(|_| Password::generate().unwrap().expose().to_owned()).collect();

        assert_eq!(passwords.len(), 100);
        for text in passwords {
            assert_eq!(text.len(), Password::GROUPS * 5 - 1, "{text}");
            let password = Password::try_from(text.clone()).unwrap();
            assert!(password.is_long_enough() && password.expose() == text);
        }
    }

    #[test]
    fn the_hash_of_a_password_is_not_in_debug_output() {
        let hash = PasswordHash::new("$argon2id$secret".to_owned());

        assert!(!format!("{hash:?}").contains("secret"));
    }
}
