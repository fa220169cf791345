//! Runs several changes in one transaction, so that the disk is synchronised once for all of them.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::job::{Job, JobError, SharedError};

/// Runs the first change and those that `next` returns in one transaction. Returns each result to its caller after
/// the commit. A change that fails or panics is rolled back and does not affect the others. If the commit fails, or SQLite
/// ends the transaction because of an error, nothing is stored, and all callers get the error.
pub(super) fn run_group(
    connection: &mut Connection,
    first: Box<dyn Job>,
    next: impl FnMut() -> Option<Box<dyn Job>>,
) {
    let mut group = vec![first];
    let committed = run_changes(connection, &mut group, next);
    for job in group {
        job.end(committed.clone());
    }
}

fn run_changes(
    connection: &mut Connection,
    group: &mut Vec<Box<dyn Job>>,
    mut next: impl FnMut() -> Option<Box<dyn Job>>,
) -> Result<(), SharedError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // The first change needs no savepoint: if it fails, the transaction contains nothing else.
    if let Some(first) = group.first_mut()
        && first.run(&transaction).is_err()
    {
        return Ok(());
    }
    while !transaction.is_autocommit()
        && let Some(job) = next()
    {
        group.push(job);
        if let Some(job) = group.last_mut() {
            run_in_savepoint(&transaction, job.as_mut())?;
        }
    }
    // If this fails, the transaction is rolled back when it is dropped. If SQLite has ended it already, this fails.
    execute(&transaction, "COMMIT")
}

/// Runs a change, and rolls it back if it fails. Returns an error if the transaction can't continue.
fn run_in_savepoint(transaction: &Transaction<'_>, job: &mut dyn Job) -> Result<(), SharedError> {
    execute(transaction, "SAVEPOINT change")?;
    match job.run(transaction) {
        Ok(()) => {}
        Err(JobError::Failed(error)) if transaction.is_autocommit() => return Err(error),
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
