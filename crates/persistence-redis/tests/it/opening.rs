//! Which Redis is taken, which is waited for, and which is refused; and what is told of it.

use std::error::Error;
use std::io::Write;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fs, io};

use tokio::time::sleep;
use tracing_subscriber::fmt::MakeWriter;
use webchat_domain::{ConversationId, EventId};
use webchat_persistence::TurnLog;
use webchat_persistence_redis::{OpenError, RedisStore};

use crate::events::chunk;
use crate::redis_server::{PATIENCE, RedisServer};

const AT_ONCE: Duration = Duration::from_secs(5);

/// Tells [`open_by_tls`] that it is the child, and which Redis to open.
const CHILDS_URL: &str = "WEBCHAT_TEST_TLS_URL";

#[tokio::test]
async fn a_redis_that_comes_late_is_waited_for() {
    let mut server = RedisServer::not_started("");
    let url = server.url();

    let opening = RedisStore::open(&url, PATIENCE);
    let starting = async {
        sleep(Duration::from_millis(700)).await;
        server.launch();
    };
    let (opened, ()) = tokio::join!(opening, starting);

    opened.unwrap().ping().await.unwrap();
}

#[tokio::test]
async fn a_redis_that_loads_its_data_is_waited_for() {
    let mut server = RedisServer::start("--rdbcompression no").await;
    let mut raw = server.raw().await;
    for key in 0..40 {
        let _: String = raw.run(&format!("SET {key} {}", "x".repeat(4_000))).await;
    }
    let _: String = raw.run("SAVE").await;
    server.kill();
    // 50 ms a key, and ears for clients meanwhile.
    server.settings("--key-load-delay 50000 --loading-process-events-interval-bytes 1024");
    server.start_again().await;

    let impatient = RedisStore::open(&server.url(), Duration::ZERO).await;
    let opened = RedisStore::open(&server.url(), PATIENCE).await;

    let Err(OpenError::Unreachable { cause, .. }) = impatient else { panic!("it was ready") };
    assert!(cause.to_string().contains("BusyLoading"), "{cause}");
    opened.unwrap().ping().await.unwrap();
}

#[tokio::test]
async fn a_redis_that_does_not_come_is_named_when_patience_ends() {
    let server = RedisServer::not_started("");
    let began = Instant::now();

    let error = refusal(&server.url(), Duration::from_secs(1)).await;

    assert!((800..4_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    let expected = format!("no Redis at {} within 1 s: ", server.address());
    assert!(error.to_string().starts_with(&expected), "{error}");
}

#[tokio::test]
async fn what_waiting_can_not_mend_is_told_at_once() {
    let server = RedisServer::start("--requirepass tides").await;
    let address = server.address();
    let began = Instant::now();

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
        let error = refusal(&url, PATIENCE).await;
        assert!(matches!(error, OpenError::InvalidUrl), "{url}: {error}");
    }
    for url in [
        format!("redis://{address}"),
        format!("redis://:ebb@{address}"),
        format!("redis://nobody:tides@{address}"),
        format!("redis://:tides@{address}/99"),
    ] {
        let error = refusal(&url, PATIENCE).await;
        assert!(
            matches!(&error, OpenError::Refused { server, .. } if *server == address),
            "{error}"
        );
    }
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    RedisStore::open(&format!("redis://:tides@{address}/1"), PATIENCE).await.unwrap();
}

#[tokio::test]
async fn no_error_and_no_log_shows_the_password() {
    let log = CapturedLog::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let server = RedisServer::start("--requirepass spring-tide").await;
    let url = format!("redis://:spring-tide@{}", server.address());
    let absent = RedisServer::not_started("");
    let mut told = String::new();

    for url in [
        "http://:spring-tide@127.0.0.1".to_owned(),
        "redis://:spring-tide@:x".to_owned(),
        format!("redis://:spring-tide@{}", absent.address()),
        format!("redis://:spring-tide-2@{}", server.address()),
        format!("redis://spring-tide:1@{}", server.address()),
    ] {
        told += &whole(&refusal(&url, Duration::from_millis(600)).await);
    }
    let store = RedisStore::open(&url, PATIENCE).await.unwrap();
    let turn_log = store.turn_log();
    let mut raw = crate::redis_server::Raw::connect(&url).await;
    let _: String = raw.run("CONFIG SET requirepass neap-tide").await;
    let _: u32 = raw.run("CLIENT KILL TYPE normal").await;
    let _: u32 = raw.run("CLIENT KILL TYPE pubsub").await;
    sleep(Duration::from_millis(500)).await;
    told += &whole(&store.ping().await.unwrap_err());
    let id = ConversationId::generate();
    told += &whole(&turn_log.append(id, EventId::generate(), chunk("x")).await.unwrap_err());

    let log = log.text();
    assert!(log.contains("waiting for Redis"), "{log}");
    assert!(log.contains("Redis tells nothing"), "{log}");
    assert!(told.contains("WRONGPASS"), "{told}");
    for text in [&log, &told] {
        assert!(!text.contains("spring") && !text.contains("neap"), "{text}");
    }
}

#[tokio::test]
async fn a_redis_behind_tls_is_reached_where_its_certificate_is_trusted_and_not_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(&cert, pair.cert.pem()).unwrap();
    fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let settings = format!("--tls-cert-file {cert} --tls-key-file {key} --tls-auth-clients no");
    let server = RedisServer::start_with_tls(&settings).await;
    let url = server.url().replace("redis://127.0.0.1", "rediss://localhost");

    let elsewhere = refusal(&url, Duration::ZERO).await;
    // The system's trust is read from this variable, and is one's own only in a process of one's own.
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "opening::open_by_tls", "--nocapture"])
        .env("SSL_CERT_FILE", &cert)
        .env(CHILDS_URL, &url)
        .output()
        .unwrap();

    assert!(elsewhere.to_string().contains("certificate"), "{elsewhere}");
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && said.contains("opened by TLS"), "{said}");
}

/// Not a test of its own: the process that the test above starts.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "how a test process tells its child what it is")]
async fn open_by_tls() {
    let Ok(url) = env::var(CHILDS_URL) else {
        return;
    };
    let log = RedisStore::open(&url, PATIENCE).await.unwrap().turn_log();
    let id = ConversationId::generate();
    let (told, waited) =
        tokio::join!(log.append(id, EventId::generate(), chunk("x")), log.wait(id, 0));
    told.unwrap();
    waited.unwrap();
    eprintln!("opened by TLS");
}

async fn refusal(url: &str, patience: Duration) -> OpenError {
    RedisStore::open(url, patience).await.err().expect(url)
}

/// All that can be got out of an error.
fn whole(error: &(dyn Error + 'static)) -> String {
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
