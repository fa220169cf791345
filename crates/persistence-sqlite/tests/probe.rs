//! What the readiness probe notices.

use std::fs;

use webchat_persistence::{Probe, StoreError};
use webchat_persistence_sqlite::SqliteStore;

#[tokio::test]
async fn a_file_that_can_be_read_and_written_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("webchat.db")).await.unwrap();

    store.check().await.unwrap();
    store.check().await.unwrap();
}

#[tokio::test]
async fn a_deleted_file_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webchat.db");
    let store = SqliteStore::open(&path).await.unwrap();

    fs::remove_file(&path).unwrap();

    assert!(matches!(store.check().await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn a_replaced_file_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webchat.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let copy = folder.path().join("copy.db");
    fs::copy(&path, &copy).unwrap();

    fs::rename(&copy, &path).unwrap();

    assert!(matches!(store.check().await, Err(StoreError::Unavailable(_))));
}
