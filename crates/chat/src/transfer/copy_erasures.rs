//! Copies the erasures of one store to another.

use webchat_persistence::{Erasures, StoreError};

use super::copy::PAGE_SIZE;

/// Copies all erasures, which are the receipts of erased users, from one store to another. Existing ones are kept. An
/// interrupted copy can be run again. The target continues incomplete ones.
///
/// # Errors
/// If a store fails.
pub async fn copy_erasures(from: &dyn Erasures, to: &dyn Erasures) -> Result<(), StoreError> {
    let mut before = None;
    loop {
        let page = from.list_erasures(before, PAGE_SIZE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        before = Some(last.erasure_id);
        for erasure in page {
            to.put_erasure(erasure).await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use webchat_domain::{ErasedCounts, Erasure, ErasureId, UserId};
    use webchat_persistence_sqlite::SqliteStore;

    use super::*;
    use crate::testing::START;

    #[tokio::test]
    async fn erasures_are_copied_once_and_keep_their_state_in_the_target() {
        let (dir, other_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let from = SqliteStore::open(&dir.path().join("webchat.db")).await.unwrap();
        let to = SqliteStore::open(&other_dir.path().join("webchat.db")).await.unwrap();
        for completed_at in [None, Some(START)] {
            let (erasure_id, user_id) = (ErasureId::generate(), UserId::generate());
            let counts = Some(ErasedCounts { messages: 3, ..ErasedCounts::default() });
            let erasure =
                Erasure { erasure_id, user_id, requested_at: START, completed_at, counts };
            from.put_erasure(erasure).await.unwrap();
        }

        copy_erasures(&from, &to).await.unwrap();
        let copied = to.list_erasures(None, 9).await.unwrap();
        to.complete_erasure(copied[1].erasure_id, START).await.unwrap();
        copy_erasures(&from, &to).await.unwrap();

        assert_eq!(copied, from.list_erasures(None, 9).await.unwrap());
        let completed = to.find_erasure(copied[1].erasure_id).await.unwrap().unwrap();
        assert_eq!(completed.completed_at, Some(START));
    }
}
