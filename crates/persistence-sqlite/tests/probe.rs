//! Tests of the readiness probe.

use std::fs;

use webchat_persistence::{Probe, StoreError};
use webchat_persistence_sqlite::SqliteStore;

#[tokio::test]
async fn a_store_with_a_writable_file_is_ready() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&dir.path().join("webchat.db")).await.unwrap();

    store.check().await.unwrap();
    store.check().await.unwrap();
}

#[tokio::test]
async fn a_store_whose_file_was_deleted_is_not_ready() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("webchat.db");
    let store = SqliteStore::open(&path).await.unwrap();

    fs::remove_file(&path).unwrap();

    assert!(matches!(store.check().await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn a_store_whose_file_was_replaced_is_not_ready() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("webchat.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let copy = dir.path().join("copy.db");
    fs::copy(&path, &copy).unwrap();

    fs::rename(&copy, &path).unwrap();

    assert!(matches!(store.check().await, Err(StoreError::Unavailable(_))));
}
