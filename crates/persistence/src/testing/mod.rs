//! The contract suites: tests of each port that every adapter must pass.
//!
//! An adapter's test file calls the macros with an async function that opens a new, empty store, and returns the store
//! with a guard (a directory, a server) that is dropped after the test:
//!
//! ```ignore
//! webchat_persistence::conversations_contract!(open);
//! webchat_persistence::contexts_contract!(open);
//! webchat_persistence::versions_contract!(open);
//! webchat_persistence::file_jobs_contract!(open);
//! webchat_persistence::conversation_transfer_contract!(open);
//! webchat_persistence::accounts_contract!(open);
//! webchat_persistence::api_keys_contract!(open);
//! webchat_persistence::audit_log_contract!(open);
//! webchat_persistence::identities_contract!(open);
//! webchat_persistence::groups_contract!(open);
//! webchat_persistence::erasures_contract!(open);
//! webchat_persistence::sessions_contract!(open);
//! webchat_persistence::token_budgets_contract!(open);
//! webchat_persistence::user_activity_contract!(open);
//! webchat_persistence::user_settings_contract!(open);
//! webchat_persistence::turn_log_contract!(open_log);
//! webchat_persistence::signals_contract!(open_signals);
//! ```

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "these are tests"
)]

mod contracts;
mod fixtures;

pub mod accounts;
pub mod contexts;
pub mod conversation_transfer;
pub mod conversations;
pub mod file_jobs;
pub mod sessions;
pub mod signals;
pub mod token_budgets;
pub mod turn_log;
pub mod user_activity;
pub mod user_settings;
pub mod versions;

pub use fixtures::{empty_answer, final_state, moment, question};
