//! Runs the contract suites against SQLite.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::future::{Ready, ready};

use tempfile::TempDir;
use webchat_persistence_sqlite::{LocalSignals, SqliteStore, SqliteTurnLog};

async fn open() -> (SqliteStore, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&dir.path().join("webchat.db")).await.unwrap();
    (store, dir)
}

async fn open_log() -> (SqliteTurnLog, TempDir) {
    let (store, dir) = open().await;
    (store.turn_log(), dir)
}

fn open_signals() -> Ready<(LocalSignals, ())> {
    ready((LocalSignals::new(), ()))
}

webchat_persistence::conversations_contract!(super::open);
webchat_persistence::contexts_contract!(super::open);
webchat_persistence::versions_contract!(super::open);
webchat_persistence::file_jobs_contract!(super::open);
webchat_persistence::conversation_transfer_contract!(super::open);
webchat_persistence::sessions_contract!(super::open);
webchat_persistence::token_budgets_contract!(super::open);
webchat_persistence::accounts_contract!(super::open);
webchat_persistence::api_keys_contract!(super::open);
webchat_persistence::audit_log_contract!(super::open);
webchat_persistence::identities_contract!(super::open);
webchat_persistence::groups_contract!(super::open);
webchat_persistence::erasures_contract!(super::open);
webchat_persistence::user_activity_contract!(super::open);
webchat_persistence::user_settings_contract!(super::open);
webchat_persistence::turn_log_contract!(super::open_log);
webchat_persistence::signals_contract!(super::open_signals);
