//! Real servers: the one that all tests share, and those that a test may stop.

use std::env;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, Cmd, FromRedisValue};
use tempfile::TempDir;
use tokio::time::sleep;
use webchat_domain::EventId;
use webchat_persistence_redis::RedisStore;

/// Longer than a server takes to start on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A store on the server that all tests share, under a prefix of its own.
pub(crate) async fn open_shared() -> (RedisStore, String) {
    let prefix = format!("webchat-test:{}:", EventId::generate().to_simple());
    let store = RedisStore::open(&shared_url(), PATIENCE).await.unwrap();
    (store.with_prefix(&prefix), prefix)
}

#[expect(clippy::disallowed_methods, reason = "how `make test` says where Redis is")]
pub(crate) fn shared_url() -> String {
    env::var("TEST_REDIS_URL")
        .expect("TEST_REDIS_URL is not set: run the tests with `make test`, which starts a Redis")
}

#[expect(clippy::disallowed_methods, reason = "how `make test` says which Redis there is")]
fn binary() -> String {
    env::var("TEST_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned())
}

/// A connection to see and do what the store can't.
pub(crate) struct Raw(MultiplexedConnection);

impl Raw {
    pub(crate) async fn connect(url: &str) -> Self {
        Self(Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap())
    }

    pub(crate) async fn shared() -> Self {
        Self::connect(&shared_url()).await
    }

    pub(crate) async fn run<T: FromRedisValue>(&mut self, command: &str) -> T {
        let mut cmd = Cmd::new();
        cmd.arg(command.split(' ').collect::<Vec<_>>());
        cmd.query_async(&mut self.0).await.unwrap()
    }

    /// How many clients have this name.
    pub(crate) async fn count_clients(&mut self, name: &str) -> usize {
        let clients: String = self.run("CLIENT LIST").await;
        clients.split_whitespace().filter(|word| *word == format!("name={name}")).count()
    }
}

/// A server of one test's own.
pub(crate) struct RedisServer {
    folder: TempDir,
    port: u16,
    settings: Vec<String>,
    process: Option<Child>,
}

impl RedisServer {
    /// With settings as on the command line: `--name value`.
    pub(crate) async fn start(settings: &str) -> Self {
        let mut server = Self::not_started(settings);
        server.start_again().await;
        server
    }

    pub(crate) fn not_started(settings: &str) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        Self {
            folder: tempfile::tempdir().unwrap(),
            port: free.local_addr().unwrap().port(),
            settings: settings.split_whitespace().map(str::to_owned).collect(),
            process: None,
        }
    }

    /// One that speaks nothing but TLS.
    pub(crate) async fn start_with_tls(settings: &str) -> Self {
        let mut server = Self::not_started("");
        server.settings(&format!("--port 0 --tls-port {} {settings}", server.port));
        server.start_again().await;
        server
    }

    /// From the next start on.
    pub(crate) fn settings(&mut self, settings: &str) {
        self.settings = settings.split_whitespace().map(str::to_owned).collect();
    }

    /// On the same port, with the data that the last one left in its folder.
    pub(crate) async fn start_again(&mut self) {
        self.launch();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn launch(&mut self) {
        let process = Command::new(binary())
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--save", "", "--dir"])
            .arg(self.folder.path())
            .args(&self.settings)
            .stdout(Stdio::null())
            .spawn();
        self.process = Some(process.expect("no redis-server: run the tests with `make test`"));
    }

    /// As the power does.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Stops or continues the process, by the signal of this name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) async fn open(&self) -> RedisStore {
        RedisStore::open(&self.url(), PATIENCE).await.unwrap()
    }

    /// Waits until it has loaded its data.
    pub(crate) async fn is_ready(&self) {
        self.open().await;
    }

    pub(crate) async fn raw(&self) -> Raw {
        Raw::connect(&self.url()).await
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // One that ended by itself needs no end.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
