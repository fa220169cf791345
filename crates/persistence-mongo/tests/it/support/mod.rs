//! Databases for the tests.

use std::{env, thread};

use mongodb::Client;
use mongodb::bson::oid::ObjectId;
use tokio::runtime::Runtime;
use webchat_persistence_mongo::{MongoDatabase, MongoStore, Schema};

/// A database of a test's own, dropped at the end.
pub(crate) struct TestDatabase {
    pub(crate) uri: String,
    pub(crate) name: String,
}

impl TestDatabase {
    /// On the server that all tests share.
    pub(crate) fn new() -> Self {
        Self::on(&shared_server())
    }

    pub(crate) fn on(server: &str) -> Self {
        let name = format!("webchat_test_{}", ObjectId::new());
        Self { uri: with_database(server, &name), name }
    }

    pub(crate) async fn connect(&self) -> MongoDatabase {
        MongoDatabase::connect(&self.uri).await.unwrap()
    }

    /// A store whose schema is prepared.
    pub(crate) async fn store(&self) -> MongoStore {
        let database = self.connect().await;
        Schema::of(database.clone()).prepare().await.unwrap();
        MongoStore::new(database)
    }

    /// The database without our code before it.
    pub(crate) async fn raw(&self) -> mongodb::Database {
        Client::with_uri_str(&self.uri).await.unwrap().database(&self.name)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (uri, name) = (self.uri.clone(), self.name.clone());
        // Of its own, as this may be the thread of a runtime.
        let dropping = thread::spawn(move || {
            Runtime::new().unwrap().block_on(async {
                let client = Client::with_uri_str(&uri).await.unwrap();
                client.database(&name).drop().await
            })
        });
        let dropped = dropping.join();
        assert!(thread::panicking() || matches!(dropped, Ok(Ok(()))), "not dropped: {dropped:?}");
    }
}

#[expect(clippy::disallowed_methods, reason = "where `make test` says which server to use")]
fn shared_server() -> String {
    env::var("TEST_MONGODB_URI").unwrap_or_else(|_| {
        panic!("TEST_MONGODB_URI names no MongoDB server: run the tests with `make test`")
    })
}

/// The URI with another database in it.
fn with_database(server: &str, name: &str) -> String {
    let (server, options) = server.split_once('?').unwrap_or((server, ""));
    let (scheme, hosts) = server.split_once("://").unwrap();
    let hosts = hosts.split('/').next().unwrap();
    format!("{scheme}://{hosts}/{name}?{options}")
}
