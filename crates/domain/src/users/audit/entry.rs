//! The entries of the audit log, and the chain of their hashes.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::action::AuditAction;
use super::actor::Actor;
use super::hash::AuditHash;
use crate::{AccountName, Timestamp, UserId};

/// What an entry of the audit log records.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewAuditEntry {
    /// When it happened, by the clock of the instance.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub action: AuditAction,
    /// Whether it was done.
    pub result: AuditResult,
    /// Who did it.
    pub actor: Actor,
    /// The user whom it concerns; `None` if there is none, or no account has the name.
    pub subject: Option<AuditSubject>,
}

/// The user whom an entry of the audit log concerns.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditSubject {
    /// The user.
    pub user_id: UserId,
    /// The name of the user's account at that time; `None` if the user has none.
    pub name: Option<AccountName>,
}

/// Whether something was done.
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
pub enum AuditResult {
    /// It was done.
    Done,
    /// It was refused.
    Refused,
}

/// An entry of the audit log.
///
/// Its JSON form is one line. The hash is that of the same line without the field `hash`, so that other programs can
/// verify it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// The number of the entry, from 1, without holes.
    pub number: u64,
    /// What it records.
    #[serde(flatten)]
    pub content: NewAuditEntry,
    /// The hash of the entry before it; [`AuditHash::START`] for the first one.
    pub previous_hash: AuditHash,
    /// The hash of this entry.
    pub hash: AuditHash,
}

/// The fields of an entry without its hash, in their order.
#[derive(Serialize)]
struct Hashed<'a> {
    number: u64,
    #[serde(flatten)]
    content: &'a NewAuditEntry,
    previous_hash: AuditHash,
}

impl AuditEntry {
    /// Returns the hash that an unchanged entry has.
    #[must_use]
    pub fn expected_hash(&self) -> AuditHash {
        let Self { number, content, previous_hash, .. } = self;
        let hashed = Hashed { number: *number, content, previous_hash: *previous_hash };
        AuditHash::of(json(&hashed).as_bytes())
    }

    /// Returns the entry as one line of JSON, without a line break.
    #[must_use]
    pub fn to_json(&self) -> String {
        json(self)
    }

    /// Returns the link of this entry in the chain.
    #[must_use]
    pub fn link(&self) -> AuditLink {
        AuditLink { number: self.number, hash: self.hash }
    }
}

/// An entry's place in the chain of hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditLink {
    /// The number of the entry; 0 before the first one.
    pub number: u64,
    /// Its hash.
    pub hash: AuditHash,
}

impl AuditLink {
    /// The place before the first entry.
    pub const START: Self = Self { number: 0, hash: AuditHash::START };

    /// Returns the entry that follows this one.
    #[must_use]
    pub fn next_entry(self, content: NewAuditEntry) -> AuditEntry {
        let entry = AuditEntry {
            number: self.number.saturating_add(1),
            content,
            previous_hash: self.hash,
            hash: AuditHash::START,
        };
        AuditEntry { hash: entry.expected_hash(), ..entry }
    }

    /// Returns whether this entry is unchanged and directly follows this place.
    #[must_use]
    pub fn is_followed_by(self, entry: &AuditEntry) -> bool {
        entry.number == self.number.saturating_add(1)
            && entry.previous_hash == self.hash
            && entry.hash == entry.expected_hash()
    }
}

/// Serializes a value whose types can't fail to be serialized.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
