//! Tests of connecting to a database, and of the errors.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use mongodb::bson::{Document, doc};
use webchat_persistence::StoreError;
use webchat_persistence_mongo::{MongoDatabase, OpenError, Schema};

use crate::support::TestDatabase;
use crate::support::server::TestServer;

async fn connect_error(uri: &str) -> OpenError {
    MongoDatabase::connect(uri).await.map(|_| ()).unwrap_err()
}

#[tokio::test]
async fn an_invalid_uri_is_rejected_with_the_reason() {
    let error = connect_error("mongo://host").await;
    assert!(matches!(error, OpenError::InvalidUri(_)), "{error}");

    let error = connect_error("mongodb://host:port").await;
    assert!(error.to_string().contains("a port must be a number"), "{error}");

    let error = connect_error("mongodb://127.0.0.1:1/?tls=true&tlsCAFile=/missing.pem").await;
    assert!(error.to_string().contains("tlsCAFile"), "{error}");
    assert!(!error.to_string().contains("missing.pem"), "{error}");
}

#[tokio::test]
async fn no_error_contains_the_password() {
    let unescaped = "mongodb://me:secret?part@127.0.0.1:1/?serverSelectionTimeoutMS=100";
    let wrong_option = "mongodb://me:secret@127.0.0.1:1/?replicaset";
    let unreachable = "mongodb://me:secret@127.0.0.1:1/?serverSelectionTimeoutMS=100";
    let not_found = "mongodb+srv://me:secret@nowhere.invalid/";

    for uri in [unescaped, wrong_option, unreachable, not_found] {
        let error = connect_error(uri).await;
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("secret"), "{shown}");
    }
}

#[tokio::test]
async fn an_unreachable_server_is_reported_within_seconds() {
    let started = Instant::now();

    let error = connect_error("mongodb://127.0.0.1:1/mine").await;

    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("MongoDB at 127.0.0.1:1/mine"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
}

#[tokio::test]
async fn an_attempt_ends_at_its_limit_whatever_the_uri_sets() {
    // The system accepts connections, and nothing responds.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let uri = format!("mongodb://{address}/mine?serverSelectionTimeoutMS=60000");
    let started = Instant::now();

    let limit = Duration::from_millis(500);
    let error = MongoDatabase::connect_within(&uri, limit).await.unwrap_err();

    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_wrong_password_is_an_access_error() {
    let database = TestDatabase::new();
    let uri = database.uri.replace("mongodb://", "mongodb://me:secret@");

    let error = connect_error(&uri).await;

    assert!(matches!(error, OpenError::AccessDenied { .. }), "{error}");
    assert!(error.to_string().contains(&database.name), "{error}");
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn a_server_without_tls_is_unreachable_over_tls() {
    let database = TestDatabase::new();
    let uri = format!("{}&tls=true&serverSelectionTimeoutMS=500", database.uri);

    let error = connect_error(&uri).await;

    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_server_without_a_replica_set_is_rejected_with_instructions() {
    let standalone = TestServer::start_standalone().await;
    let uninitiated = TestServer::start_uninitiated().await;

    for uri in [format!("mongodb://{}", standalone.host()), standalone.uri(), uninitiated.uri()] {
        let error = connect_error(&uri).await;
        assert!(matches!(error, OpenError::NoReplicaSet(_)), "{uri}: {error}");
        assert!(error.to_string().contains("--replSet"), "{error}");
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_rejected_and_not_changed() {
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
async fn a_database_whose_name_differs_only_in_case_is_refused_with_instructions() {
    let database = TestDatabase::new();
    database.raw().await.create_collection("any").await.unwrap();
    let uri = database.uri.replace("/webchat_test_", "/WEBCHAT_test_");

    let schema = Schema::of(MongoDatabase::connect(&uri).await.unwrap());
    let error = schema.prepare().await.unwrap_err().to_string();

    assert!(error.contains("differs only in upper and lower case"), "{error}");
}

#[tokio::test]
async fn a_ping_fails_without_a_server() {
    let mut server = TestServer::start().await;
    let database = MongoDatabase::connect(&server.uri()).await.unwrap();
    database.ping().await.unwrap();

    server.kill();

    let started = Instant::now();
    assert!(matches!(database.ping().await, Err(StoreError::Unavailable(_))));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_uri_without_a_database_selects_that_of_the_flask_application() {
    let server = TestServer::start().await;

    let database = MongoDatabase::connect(&server.uri()).await.unwrap();

    assert_eq!(database.location(), format!("{}/chatbot_db", server.host()));
}
