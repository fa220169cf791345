//! The schema of a database: its collections, validators and indexes, and their updates.

mod accounts;
mod audit;
mod change;
mod collection;
mod definitions;
mod erasures;
mod existing;
mod indexes;
mod preparation;
mod rights;

pub(crate) use self::accounts::{ACCOUNTS, API_KEYS, IDENTITIES};
pub(crate) use self::audit::{AUDIT_CHAIN_ID, AUDIT_ENTRIES};
pub use self::change::SchemaChange;
pub(crate) use self::definitions::{
    ADMINS_ID, BACKUP, CONVERSATIONS, DAILY_TOKENS, FILE_ANALYSES, FILE_JOBS, FILE_TEXTS, MESSAGES,
    META, READINESS_ID, REMOVALS, USERS,
};
pub(crate) use self::erasures::ERASURES;
pub use self::preparation::Schema;
