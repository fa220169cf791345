//! Tests of opening a store: waiting, errors and hiding secrets.

use std::error::Error;
use std::io::Write;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fs, io};

use tokio::time::sleep;
use tracing_subscriber::fmt::MakeWriter;
use webchat_domain::{ConversationId, EventId};
use webchat_persistence::{TurnLog, TurnLogExt};
use webchat_persistence_redis::{OpenError, RedisStore};

use crate::events::chunk;
use crate::redis_server::{OPEN_TIMEOUT, RedisServer};

const SOON: Duration = Duration::from_secs(5);

/// The environment variable of the child process that runs [`open_with_tls`]. It contains the URL to open.
const CHILD_URL: &str = "WEBCHAT_TEST_TLS_URL";

#[tokio::test]
async fn open_waits_for_a_server_that_starts_late() {
    let mut server = RedisServer::not_started("");
    let url = server.url();

    let opening = RedisStore::open(&url, OPEN_TIMEOUT);
    let starting = async {
        sleep(Duration::from_millis(700)).await;
        server.launch();
    };
    let (opened, ()) = tokio::join!(opening, starting);

    opened.unwrap().ping().await.unwrap();
}

#[tokio::test]
async fn open_waits_for_a_server_that_is_loading_its_data() {
    let mut server = RedisServer::start("--rdbcompression no").await;
    let mut raw = server.raw().await;
    for key in 0..40 {
        let _: String = raw.run(&format!("SET {key} {}", "x".repeat(4_000))).await;
    }
    let _: String = raw.run("SAVE").await;
    server.kill();
    // Loading takes 50 ms per key. In the meantime, Redis responds to clients.
    server.set_settings("--key-load-delay 50000 --loading-process-events-interval-bytes 1024");
    server.restart().await;

    let without_waiting = RedisStore::open(&server.url(), Duration::ZERO).await;
    let opened = RedisStore::open(&server.url(), OPEN_TIMEOUT).await;

    let Err(OpenError::Unreachable { cause, .. }) = without_waiting else {
        panic!("the server was ready")
    };
    assert!(cause.to_string().contains("BusyLoading"), "{cause}");
    opened.unwrap().ping().await.unwrap();
}

#[tokio::test]
async fn a_missing_server_is_reported_after_the_timeout() {
    let server = RedisServer::not_started("");
    let started = Instant::now();

    let error = open_error(&server.url(), Duration::from_secs(1)).await;

    assert!((800..4_000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    let expected = format!("no Redis server at {} was ready within 1 s: ", server.address());
    assert!(error.to_string().starts_with(&expected), "{error}");
}

#[tokio::test]
async fn permanent_errors_are_returned_immediately() {
    let server = RedisServer::start("--requirepass tides").await;
    let address = server.address();
    let started = Instant::now();

    for url in [
        format!("http://{address}"),
        format!("redis://{address}/first"),
        "redis://".to_owned(),
        String::new(),
        format!("redis://user:pass/word@{address}"),
        format!("redis://user:123/word@{address}"),
        format!("redis://user:123?word@{address}"),
        format!("redis://user:123#word@{address}"),
    ] {
        let error = open_error(&url, OPEN_TIMEOUT).await;
        assert!(matches!(error, OpenError::InvalidUrl), "{url}: {error}");
    }
    for url in [
        format!("redis://{address}"),
        format!("redis://:ebb@{address}"),
        format!("redis://nobody:tides@{address}"),
        format!("redis://:tides@{address}/99"),
    ] {
        let error = open_error(&url, OPEN_TIMEOUT).await;
        assert!(
            matches!(&error, OpenError::Rejected { server, .. } if *server == address),
            "{error}"
        );
    }
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    RedisStore::open(&format!("redis://:tides@{address}/1"), OPEN_TIMEOUT).await.unwrap();
}

#[tokio::test]
async fn no_error_and_no_log_line_contains_the_password() {
    let log = CapturedLog::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let server = RedisServer::start("--requirepass spring-tide").await;
    let url = format!("redis://:spring-tide@{}", server.address());
    let absent = RedisServer::not_started("");
    let mut errors = String::new();

    for url in [
        "http://:spring-tide@127.0.0.1".to_owned(),
        "redis://:spring-tide@:x".to_owned(),
        format!("redis://:spring-tide@{}", absent.address()),
        format!("redis://:spring-tide-2@{}", server.address()),
        format!("redis://spring-tide:1@{}", server.address()),
    ] {
        errors += &details(&open_error(&url, Duration::from_millis(600)).await);
    }
    let store = RedisStore::open(&url, OPEN_TIMEOUT).await.unwrap();
    let turn_log = store.turn_log();
    let mut raw = crate::redis_server::Raw::connect(&url).await;
    let _: String = raw.run("CONFIG SET requirepass neap-tide").await;
    let _: u32 = raw.run("CLIENT KILL TYPE normal").await;
    let _: u32 = raw.run("CLIENT KILL TYPE pubsub").await;
    sleep(Duration::from_millis(500)).await;
    errors += &details(&store.ping().await.unwrap_err());
    let id = ConversationId::generate();
    errors +=
        &details(&turn_log.append_one(id, EventId::generate(), chunk("x")).await.unwrap_err());

    let log = log.text();
    assert!(log.contains("waiting for Redis"), "{log}");
    assert!(log.contains("no subscription to Redis"), "{log}");
    assert!(errors.contains("WRONGPASS"), "{errors}");
    for text in [&log, &errors] {
        assert!(!text.contains("spring") && !text.contains("neap"), "{text}");
    }
}

#[tokio::test]
async fn tls_requires_a_trusted_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(&cert, pair.cert.pem()).unwrap();
    fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let settings = format!("--tls-cert-file {cert} --tls-key-file {key} --tls-auth-clients no");
    let server = RedisServer::start_with_tls(&settings).await;
    let url = server.url().replace("redis://127.0.0.1", "rediss://localhost");

    let untrusted = open_error(&url, Duration::ZERO).await;
    // The trusted certificates come from this variable, which must be set for a separate process.
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "open::open_with_tls", "--nocapture"])
        .env("SSL_CERT_FILE", &cert)
        .env(CHILD_URL, &url)
        .output()
        .unwrap();

    assert!(untrusted.to_string().contains("certificate"), "{untrusted}");
    let output = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && output.contains("opened with TLS"), "{output}");
}

/// Not a test, but the child process of the test above.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "passes the URL to the child process")]
async fn open_with_tls() {
    let Ok(url) = env::var(CHILD_URL) else {
        return;
    };
    let log = RedisStore::open(&url, OPEN_TIMEOUT).await.unwrap().turn_log();
    let id = ConversationId::generate();
    let (published, waited) =
        tokio::join!(log.append_one(id, EventId::generate(), chunk("x")), log.wait(id, 0));
    published.unwrap();
    waited.unwrap();
    eprintln!("opened with TLS");
}

async fn open_error(url: &str, timeout: Duration) -> OpenError {
    RedisStore::open(url, timeout).await.err().expect(url)
}

/// Returns all texts of an error and its sources.
fn details(error: &(dyn Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    chain.map(|error| format!("{error} {error:?}")).collect::<Vec<_>>().join("\n")
}

#[derive(Clone, Default)]
struct CapturedLog(Arc<Mutex<Vec<u8>>>);

impl CapturedLog {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for CapturedLog {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for CapturedLog {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
