//! What a database can be that can't be used, and what is said of it.

use std::time::{Duration, Instant};

use mongodb::bson::{Document, doc};
use webchat_persistence::StoreError;
use webchat_persistence_mongo::{MongoDatabase, OpenError, Schema};

use crate::support::TestDatabase;
use crate::support::server::TestServer;

async fn refusal(uri: &str) -> OpenError {
    MongoDatabase::connect(uri).await.map(|_| ()).unwrap_err()
}

#[tokio::test]
async fn a_uri_that_is_none_is_refused_with_what_is_wrong() {
    let error = refusal("mongo://host").await;
    assert!(matches!(error, OpenError::InvalidUri(_)), "{error}");

    let error = refusal("mongodb://host:port").await;
    assert!(error.to_string().contains("the port must be an integer"), "{error}");
}

#[tokio::test]
async fn no_error_shows_the_password() {
    let unescaped = "mongodb://me:secret?part@127.0.0.1:1/?serverSelectionTimeoutMS=100";
    let wrong_option = "mongodb://me:secret@127.0.0.1:1/?replicaset";
    let unreachable = "mongodb://me:secret@127.0.0.1:1/?serverSelectionTimeoutMS=100";
    let not_found = "mongodb+srv://me:secret@nowhere.invalid/";

    for uri in [unescaped, wrong_option, unreachable, not_found] {
        let error = refusal(uri).await;
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("secret"), "{shown}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_within_seconds() {
    let begun = Instant::now();

    let error = refusal("mongodb://127.0.0.1:1/mine").await;

    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("MongoDB at 127.0.0.1:1/mine"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_wrong_password_is_told_apart() {
    let database = TestDatabase::new();
    let uri = database.uri.replace("mongodb://", "mongodb://me:secret@");

    let error = refusal(&uri).await;

    assert!(matches!(error, OpenError::AccessDenied { .. }), "{error}");
    assert!(error.to_string().contains(&database.name), "{error}");
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_unreachable_over_it() {
    let database = TestDatabase::new();
    let uri = format!("{}&tls=true&serverSelectionTimeoutMS=500", database.uri);

    let error = refusal(&uri).await;

    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_server_without_a_replica_set_is_refused_with_what_to_do() {
    let alone = TestServer::start_standalone().await;
    let uninitiated = TestServer::start_uninitiated().await;

    for uri in [format!("mongodb://{}", alone.host()), alone.uri(), uninitiated.uri()] {
        let error = refusal(&uri).await;
        assert!(matches!(error, OpenError::NoReplicaSet(_)), "{uri}: {error}");
        assert!(error.to_string().contains("--replSet"), "{error}");
    }
}

#[tokio::test]
async fn a_database_of_a_newer_webchat_is_refused_and_left_alone() {
    let database = TestDatabase::new();
    let raw = database.raw().await;
    let newer = doc! { "_id": "schema", "version": 999_i64 };
    raw.collection::<Document>("meta").insert_one(&newer).await.unwrap();

    let schema = Schema::of(database.connect().await);

    let error = schema.prepare().await.unwrap_err();
    assert!(matches!(error, OpenError::TooNew { found: 999, .. }), "{error}");
    assert!(matches!(schema.plan().await, Err(OpenError::TooNew { .. })));
    assert_eq!(raw.list_collection_names().await.unwrap(), ["meta"]);
}

#[tokio::test]
async fn a_ping_says_whether_the_server_is_there() {
    let mut server = TestServer::start().await;
    let database = MongoDatabase::connect(&server.uri()).await.unwrap();
    database.ping().await.unwrap();

    server.kill();

    let begun = Instant::now();
    assert!(matches!(database.ping().await, Err(StoreError::Unavailable(_))));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn without_a_database_in_the_uri_that_of_the_flask_application_is_used() {
    let server = TestServer::start().await;

    let database = MongoDatabase::connect(&server.uri()).await.unwrap();

    assert_eq!(database.place(), format!("{}/chatbot_db", server.host()));
}
