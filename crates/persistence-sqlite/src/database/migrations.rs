//! Migrates the schema, and cleans up after the previous process.

use std::error::Error;

use rusqlite::Connection;
use rusqlite_migration::{M, MigrationDefinitionError, Migrations};

pub(crate) const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("../../migrations/01_initial.sql")),
    M::up(include_str!("../../migrations/02_contexts.sql")),
    M::up(include_str!("../../migrations/03_versions.sql")),
    M::up(include_str!("../../migrations/04_file_jobs.sql")),
    M::up(include_str!("../../migrations/05_archived.sql")),
    M::up(include_str!("../../migrations/06_answer_errors.sql")),
    M::up(include_str!("../../migrations/07_readiness.sql")),
    M::up(include_str!("../../migrations/08_daily_tokens.sql")),
    M::up(include_str!("../../migrations/09_removals.sql")),
    M::up(include_str!("../../migrations/10_users.sql")),
    M::up(include_str!("../../migrations/11_search_terms.sql")),
    M::up(include_str!("../../migrations/12_search_vocabulary.sql")),
    M::up(include_str!("../../migrations/13_answer_ends.sql")),
    M::up(include_str!("../../migrations/14_listed_conversations.sql")),
    M::up(include_str!("../../migrations/15_user_settings.sql")),
    M::up(include_str!("../../migrations/16_file_bytes.sql")),
];

/// The reason why the database could not be initialized.
pub(super) enum InitializeError {
    TooNew,
    Failed(Box<dyn Error + Send + Sync>),
}

impl InitializeError {
    pub(super) fn failed(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(cause.into())
    }
}

/// Migrates the schema, releases all leases, and schedules the deletion of hidden conversations.
pub(super) fn initialize(connection: &mut Connection) -> Result<(), InitializeError> {
    Migrations::from_slice(MIGRATIONS).to_latest(connection).map_err(|error| match error {
        rusqlite_migration::Error::MigrationDefinition(
            MigrationDefinitionError::DatabaseTooFarAhead,
        ) => InitializeError::TooNew,
        error => InitializeError::failed(error),
    })?;
    // No other process uses the file, and this one has not started any work yet. Therefore every lease is abandoned, and
    // the import or deletion of every hidden conversation was interrupted.
    connection
        .execute_batch(
            "UPDATE conversations SET lease_until = 0 WHERE running_turn IS NOT NULL;
             UPDATE conversations SET compacting_until = NULL WHERE compacting_until IS NOT NULL;
             UPDATE file_jobs SET run_id = NULL, lease_until = NULL WHERE run_id IS NOT NULL;
             INSERT OR IGNORE INTO removals
             SELECT conversation_id FROM conversations WHERE user_id = '';",
        )
        .map_err(InitializeError::failed)
}
