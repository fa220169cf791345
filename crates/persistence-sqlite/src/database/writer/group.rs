//! Group commit: runs several changes in one transaction, so that they share one fsync.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::change::{ChangeError, QueuedChange, SharedError};

/// Runs the first change and those that `next` returns in one transaction. Returns each result to its caller after the
/// commit. A change that fails or panics is rolled back and does not affect the others. If the commit fails, or SQLite
/// rolls back the transaction itself because of an error, nothing is stored, and all callers get the error.
pub(super) fn run_group(
    connection: &mut Connection,
    first: Box<dyn QueuedChange>,
    next: impl FnMut() -> Option<Box<dyn QueuedChange>>,
) {
    let mut group = vec![first];
    let committed = run_changes(connection, &mut group, next);
    for change in group {
        change.end(committed.clone());
    }
}

fn run_changes(
    connection: &mut Connection,
    group: &mut Vec<Box<dyn QueuedChange>>,
    mut next: impl FnMut() -> Option<Box<dyn QueuedChange>>,
) -> Result<(), SharedError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // The first change needs no savepoint: if it fails, the transaction contains nothing else.
    if let Some(first) = group.first_mut()
        && first.run(&transaction).is_err()
    {
        return Ok(());
    }
    while !transaction.is_autocommit()
        && let Some(change) = next()
    {
        group.push(change);
        if let Some(change) = group.last_mut() {
            run_in_savepoint(&transaction, change.as_mut())?;
        }
    }
    // If COMMIT fails, dropping the transaction rolls it back. It also fails if SQLite has already rolled back.
    execute(&transaction, "COMMIT")
}

/// Runs a change, and rolls it back if it fails. Returns an error if the transaction can't continue.
fn run_in_savepoint(
    transaction: &Transaction<'_>,
    change: &mut dyn QueuedChange,
) -> Result<(), SharedError> {
    execute(transaction, "SAVEPOINT change")?;
    match change.run(transaction) {
        Ok(()) => {}
        Err(ChangeError::Failed(error)) if transaction.is_autocommit() => return Err(error),
        Err(_) => execute(transaction, "ROLLBACK TO change")?,
    }
    execute(transaction, "RELEASE change")
}

fn execute(transaction: &Transaction<'_>, statement: &str) -> Result<(), SharedError> {
    transaction.prepare_cached(statement)?.execute([])?;
    Ok(())
}

#[cfg(test)]
mod tests;
