//! Test databases.

pub(crate) mod server;

use std::{env, thread};

use futures_util::TryStreamExt;
use mongodb::Client;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};
use tokio::runtime::Runtime;
use webchat_persistence_mongo::{MongoDatabase, MongoStore, Schema};

use self::server::TestServer;

/// A database for one test, dropped at its end.
pub(crate) struct TestDatabase {
    pub(crate) uri: String,
    pub(crate) name: String,
    is_shared: bool,
}

impl TestDatabase {
    /// Creates a database on the server that all tests share.
    pub(crate) fn new() -> Self {
        Self::at(&shared_server(), true)
    }

    /// Creates a database on the test's own server, whose data is deleted at the end.
    pub(crate) fn on(server: &TestServer) -> Self {
        Self::at(&server.uri(), false)
    }

    fn at(server: &str, is_shared: bool) -> Self {
        let name = format!("webchat_test_{}", ObjectId::new());
        Self { uri: with_database(server, &name), name, is_shared }
    }

    pub(crate) async fn connect(&self) -> MongoDatabase {
        MongoDatabase::connect(&self.uri).await.unwrap()
    }

    /// Returns a store whose schema is prepared.
    pub(crate) async fn store(&self) -> MongoStore {
        let database = self.connect().await;
        Schema::of(database.clone()).prepare().await.unwrap();
        MongoStore::new(database)
    }

    /// Returns the plain database of the driver.
    pub(crate) async fn raw(&self) -> mongodb::Database {
        Client::with_uri_str(&self.uri).await.unwrap().database(&self.name)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if !self.is_shared {
            return;
        }
        let (uri, name) = (self.uri.clone(), self.name.clone());
        // Use another thread, because this one may belong to a runtime.
        let dropping = thread::spawn(move || {
            Runtime::new().unwrap().block_on(async {
                let client = Client::with_uri_str(&uri).await?;
                end_transactions(&client, &name).await?;
                client.database(&name).drop().await
            })
        });
        let dropped = dropping.join();
        assert!(
            thread::panicking() || matches!(dropped, Ok(Ok(()))),
            "failed to drop the database: {dropped:?}"
        );
    }
}

/// Ends open transactions, which would block the drop. The test's runtime may have stopped during a transaction.
async fn end_transactions(client: &Client, app: &str) -> mongodb::error::Result<()> {
    let admin = client.database("admin");
    let open = [
        doc! { "$currentOp": { "idleSessions": true } },
        doc! { "$match": { "appName": app, "transaction": { "$exists": true } } },
    ];
    let sessions: Vec<Document> = admin.aggregate(open).await?.try_collect().await?;
    let ids = sessions.iter().map(|session| doc! { "id": session["lsid"]["id"].clone() });
    let ids: Vec<_> = ids.collect();
    if !ids.is_empty() {
        admin.run_command(doc! { "killSessions": ids }).await?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "`make test` sets the URI in the environment")]
fn shared_server() -> String {
    env::var("TEST_MONGODB_URI")
        .expect("TEST_MONGODB_URI is not set to the URI of a MongoDB server: use `make test`")
}

/// Returns the URI with this database. Its name is also the application name, so that its connections can be recognised.
fn with_database(server: &str, name: &str) -> String {
    let (server, options) = server.split_once('?').unwrap_or((server, ""));
    let (scheme, hosts) = server.split_once("://").unwrap();
    let hosts = hosts.split('/').next().unwrap();
    format!("{scheme}://{hosts}/{name}?appName={name}&{options}")
}
