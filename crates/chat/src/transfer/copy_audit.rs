//! Copies the audit log of one store to another.

use webchat_domain::{AuditEntry, AuditLink};
use webchat_persistence::{AuditChain, AuditLog, StoreError};

use super::copy::PAGE_SIZE;

/// Copies the audit log from one store to another, with its chain of hashes. An interrupted copy can be run again.
///
/// Returns `false`, and copies nothing, if the target has other entries: two chains can't become one.
///
/// # Errors
/// If a store fails. An entry that was changed to something invalid is a fault of the source.
pub async fn copy_audit_log(from: &dyn AuditLog, to: &dyn AuditLog) -> Result<bool, StoreError> {
    let (source, target) = (from.chain().await?, to.chain().await?);
    let mut last = if target == AuditChain::EMPTY { source.start } else { target.head };
    if last != source.start && !has_entry(from, last).await? {
        return Ok(false);
    }
    loop {
        let entries = from.read_from(last.number.saturating_add(1), PAGE_SIZE).await?;
        let Some(next) = entries.last().map(AuditEntry::link) else { return Ok(true) };
        if !to.insert(last, entries).await? {
            return Ok(false);
        }
        last = next;
    }
}

async fn has_entry(log: &dyn AuditLog, link: AuditLink) -> Result<bool, StoreError> {
    let found = log.read_from(link.number, 1).await?;
    Ok(found.first().is_some_and(|entry| entry.link() == link))
}

#[cfg(test)]
mod tests {
    use webchat_domain::{Actor, AuditAction, AuditResult, NewAuditEntry};
    use webchat_persistence_sqlite::SqliteStore;

    use super::*;
    use crate::testing::START;

    fn sign_out() -> NewAuditEntry {
        NewAuditEntry {
            at: START,
            action: AuditAction::SignOut,
            result: AuditResult::Done,
            actor: Actor::ANONYMOUS,
            subject: None,
        }
    }

    #[tokio::test]
    async fn a_log_is_copied_once_with_its_chain_and_continued() {
        let (dir, other_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let from = SqliteStore::open(&dir.path().join("webchat.db")).await.unwrap();
        let to = SqliteStore::open(&other_dir.path().join("webchat.db")).await.unwrap();
        for _ in 0..250 {
            from.append(sign_out()).await.unwrap();
        }
        from.remove_before(START.plus(std::time::Duration::from_secs(1)), 20).await.unwrap();

        for _ in 0..2 {
            assert!(copy_audit_log(&from, &to).await.unwrap());
        }
        from.append(sign_out()).await.unwrap();
        assert!(copy_audit_log(&from, &to).await.unwrap());

        assert_eq!(to.chain().await.unwrap(), from.chain().await.unwrap());
        let entries = to.read_from(1, 1_000).await.unwrap();
        assert_eq!(entries, from.read_from(1, 1_000).await.unwrap());
        assert_eq!(entries.first().unwrap().number, 21);
        to.append(sign_out()).await.unwrap();
        assert!(!copy_audit_log(&from, &to).await.unwrap());
    }
}
