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
    M::up(include_str!("../../migrations/17_file_instructions.sql")),
    M::up(include_str!("../../migrations/18_accounts.sql")),
    M::up(include_str!("../../migrations/19_api_keys.sql")),
    M::up(include_str!("../../migrations/20_audit_log.sql")),
    M::up(include_str!("../../migrations/21_identities.sql")),
    M::up(include_str!("../../migrations/22_account_lists.sql")),
    M::up(include_str!("../../migrations/23_groups.sql")),
    M::up(include_str!("../../migrations/24_erasures.sql")),
    M::up(include_str!("../../migrations/25_models.sql")),
    M::up(include_str!("../../migrations/26_reasoning.sql")),
    M::up(include_str!("../../migrations/27_account_keys.sql")),
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
             UPDATE erasures SET lease_until = NULL WHERE completed_at IS NULL;
             UPDATE file_jobs SET run_id = NULL, lease_until = NULL WHERE run_id IS NOT NULL;
             INSERT OR IGNORE INTO removals
             SELECT conversation_id FROM conversations WHERE user_id = '';",
        )
        .map_err(InitializeError::failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_of_an_older_version_stay_signed_in_without_a_provider() {
        let mut connection = Connection::open_in_memory().unwrap();
        Migrations::from_slice(&MIGRATIONS[..19]).to_latest(&mut connection).unwrap();
        connection
            .execute_batch(
                "INSERT INTO sessions (session_id, user_id, expires_at, signed_in_at, device,
                     account_version)
                 VALUES ('s', 'u', 9, 1, 'Firefox', 2);",
            )
            .unwrap();

        Migrations::from_slice(MIGRATIONS).to_latest(&mut connection).unwrap();

        let select = "SELECT account_version, provider, provider_issuer FROM sessions";
        let session: (u32, Option<String>, Option<String>) = connection
            .query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap();
        assert_eq!(session, (2, None, None));
        let identities: u32 =
            connection.query_row("SELECT count(*) FROM identities", [], |row| row.get(0)).unwrap();
        assert_eq!(identities, 0);
    }

    #[test]
    fn accounts_of_an_older_version_are_in_the_lists_by_role_and_of_the_disabled() {
        let mut connection = Connection::open_in_memory().unwrap();
        Migrations::from_slice(&MIGRATIONS[..21]).to_latest(&mut connection).unwrap();
        connection
            .execute_batch(
                "INSERT INTO accounts (user_id, name, role, must_change_password, version,
                     created_at, disabled_at)
                 VALUES ('1', 'bob', 'admin', 0, 0, 0, 5), ('2', 'alice', 'admin', 0, 0, 0, NULL),
                        ('3', 'carol', 'user', 0, 0, 0, NULL);",
            )
            .unwrap();

        Migrations::from_slice(MIGRATIONS).to_latest(&mut connection).unwrap();

        // SQLite refuses to prepare a query that can't use the named index.
        let names = |condition: &str| -> Vec<String> {
            let select = format!("SELECT name FROM accounts INDEXED BY {condition} ORDER BY name");
            let mut select = connection.prepare(&select).unwrap();
            select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        assert_eq!(names("accounts_role WHERE role = 'admin'"), ["alice", "bob"]);
        assert_eq!(names("accounts_disabled WHERE disabled_at IS NOT NULL"), ["bob"]);
    }

    #[test]
    fn the_first_key_of_an_older_version_is_no_sign_in() {
        let mut connection = Connection::open_in_memory().unwrap();
        Migrations::from_slice(&MIGRATIONS[..26]).to_latest(&mut connection).unwrap();
        connection
            .execute_batch(
                "INSERT INTO accounts (user_id, name, role, password, must_change_password, version,
                     created_at, signed_in_at)
                 VALUES ('1', 'robot', 'admin', NULL, 0, 0, 0, 5),
                        ('2', 'ada', 'admin', 'hash', 0, 0, 0, 5),
                        ('3', 'of-proxy', 'user', NULL, 0, 0, 0, 4),
                        ('4', 'without-key', 'user', NULL, 0, 0, 0, 5);
                 INSERT INTO api_keys (key_id, user_id, name, hash, scopes, created_at)
                 VALUES ('1', '1', 'k', 'a', 'read', 5), ('2', '2', 'k', 'b', 'read', 5),
                        ('3', '3', 'k', 'c', 'read', 5);",
            )
            .unwrap();

        Migrations::from_slice(MIGRATIONS).to_latest(&mut connection).unwrap();

        let mut select = connection
            .prepare("SELECT signed_in_at, has_had_key FROM accounts ORDER BY user_id")
            .unwrap();
        let accounts = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let accounts: Vec<(Option<i64>, bool)> = accounts.map(Result::unwrap).collect();
        let expected = [(None, true), (Some(5), true), (Some(4), true), (Some(5), false)];
        assert_eq!(accounts, expected);
    }

    #[test]
    fn messages_of_an_older_version_have_no_reasoning_and_new_reasoning_is_counted() {
        let mut connection = Connection::open_in_memory().unwrap();
        Migrations::from_slice(&MIGRATIONS[..25]).to_latest(&mut connection).unwrap();
        connection
            .execute_batch(
                "INSERT INTO conversations (conversation_id, user_id, created_at, updated_at)
                 VALUES ('c', 'u', 0, 0);
                 INSERT INTO messages (message_id, conversation_id, user_id, position, parent_id,
                     role, content, token_count, status, created_at)
                 VALUES ('a', 'c', 'u', 1, NULL, 'assistant', 'tide', 1, 'complete', 0);",
            )
            .unwrap();
        let stored_bytes = |connection: &Connection| -> u64 {
            let select = "SELECT bytes FROM stored_bytes WHERE user_id = 'u'";
            connection.query_row(select, [], |row| row.get(0)).unwrap()
        };
        let before = stored_bytes(&connection);

        Migrations::from_slice(MIGRATIONS).to_latest(&mut connection).unwrap();

        let select = "SELECT content, reasoning FROM live_messages";
        let message: (String, Option<String>) =
            connection.query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(message, ("tide".to_owned(), None));
        let migrated = stored_bytes(&connection);
        connection.execute("UPDATE messages SET reasoning = 'moon!'", []).unwrap();
        let with_reasoning = stored_bytes(&connection);
        connection.execute("DELETE FROM messages", []).unwrap();
        assert_eq!(
            [migrated, with_reasoning, stored_bytes(&connection)],
            [before, before + 5, before - 512 - 4]
        );
    }

    #[test]
    fn files_of_an_older_version_are_counted_and_get_the_questions_of_their_analyses() {
        let mut connection = Connection::open_in_memory().unwrap();
        Migrations::from_slice(&MIGRATIONS[..15]).to_latest(&mut connection).unwrap();
        connection
            .execute_batch(
                "INSERT INTO conversations (conversation_id, user_id, created_at, updated_at)
                 VALUES ('c', 'u', 0, 0);
                 INSERT INTO messages (message_id, conversation_id, user_id, position, parent_id,
                     role, content, token_count, status, created_at)
                 VALUES ('q', 'c', 'u', 1, NULL, 'user', '…', 1, 'complete', 0),
                        ('a', 'c', 'u', 2, 'q', 'assistant', '…', 1, 'complete', 0);
                 INSERT INTO file_jobs (job_id, conversation_id, user_id, file_name, size_bytes,
                     token_count, status, done, parts, created_at, message_id)
                 VALUES ('complete', 'c', 'u', '…', 1, 1, 'complete', 1, 1, 0, 'a'),
                        ('running', 'c', 'u', '…', 1, 1, 'running', 0, 1, 0, NULL);
                 INSERT INTO file_texts (job_id, content, part_ends) VALUES ('running', 'tides', '[5]');",
            )
            .unwrap();
        let stored_bytes = |connection: &Connection| -> u64 {
            let select = "SELECT bytes FROM stored_bytes WHERE user_id = 'u'";
            connection.query_row(select, [], |row| row.get(0)).unwrap()
        };
        let bytes_without_files = stored_bytes(&connection);

        Migrations::from_slice(MIGRATIONS).to_latest(&mut connection).unwrap();

        let mut select = connection
            .prepare("SELECT question_id, instructions FROM file_jobs ORDER BY job_id")
            .unwrap();
        let jobs: rusqlite::Result<Vec<(Option<String>, Option<String>)>> =
            select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect();
        assert_eq!(jobs.unwrap(), [(Some("q".to_owned()), None), (None, None)]);
        assert_eq!(stored_bytes(&connection), bytes_without_files + 5);
    }

    #[test]
    fn nobody_is_erased_in_a_database_of_an_older_version() {
        let mut connection = Connection::open_in_memory().unwrap();
        Migrations::from_slice(&MIGRATIONS[..22]).to_latest(&mut connection).unwrap();
        connection
            .execute_batch(
                "INSERT INTO accounts (user_id, name, role, must_change_password, version, created_at)
                 VALUES ('u', 'alice', 'user', 0, 0, 0);",
            )
            .unwrap();

        Migrations::from_slice(MIGRATIONS).to_latest(&mut connection).unwrap();

        let select = "SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM erasures),
                             (SELECT count(*) FROM overwritten_pages)";
        let counts: [i64; 3] = connection
            .query_row(select, [], |row| Ok([0, 1, 2].map(|index| row.get(index).unwrap())))
            .unwrap();
        assert_eq!(counts, [1, 0, 0]);
    }

    #[test]
    fn a_database_of_an_older_version_gets_an_empty_audit_log() {
        let mut connection = Connection::open_in_memory().unwrap();
        Migrations::from_slice(&MIGRATIONS[..19]).to_latest(&mut connection).unwrap();

        Migrations::from_slice(MIGRATIONS).to_latest(&mut connection).unwrap();

        let select = "SELECT start_number, head_number, start_hash = head_hash,
                             length(head_hash), (SELECT count(*) FROM audit_entries)
                      FROM audit_chain";
        let columns = [0, 1, 2, 3, 4];
        let chain: [i64; 5] = connection
            .query_row(select, [], |row| Ok(columns.map(|index| row.get(index).unwrap())))
            .unwrap();
        assert_eq!(chain, [0, 0, 1, 64, 0]);
    }
}
