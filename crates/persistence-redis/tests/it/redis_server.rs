//! Real servers: one that all tests share, and servers that a test may stop.

use std::collections::BTreeMap;
use std::env;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, Cmd, FromRedisValue, Script};
use tempfile::TempDir;
use tokio::time::sleep;
use webchat_domain::EventId;
use webchat_persistence_redis::RedisStore;

/// Longer than a server takes to start on a busy machine.
pub(crate) const OPEN_TIMEOUT: Duration = Duration::from_secs(20);

/// Opens a store on the shared server, with its own prefix.
pub(crate) async fn open_shared() -> (RedisStore, String) {
    let prefix = format!("webchat-test:{}:", EventId::generate().to_simple());
    let store = RedisStore::open(&shared_url(), OPEN_TIMEOUT).await.unwrap();
    (store.with_prefix(&prefix), prefix)
}

#[expect(clippy::disallowed_methods, reason = "`make test` sets the URL in the environment")]
pub(crate) fn shared_url() -> String {
    env::var("TEST_REDIS_URL")
        .expect("TEST_REDIS_URL is not set to the URL of a Redis server: use `make test`")
}

#[expect(clippy::disallowed_methods, reason = "`make test` sets the path in the environment")]
fn binary() -> String {
    env::var("TEST_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned())
}

/// A raw connection, for commands that the store does not offer.
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

    /// Runs a script with one argument.
    pub(crate) async fn eval<T: FromRedisValue>(
        &mut self,
        script: &str,
        keys: &[String],
        arg: &str,
    ) -> T {
        let script = Script::new(script);
        script.key(keys).arg(arg).invoke_async(&mut self.0).await.unwrap()
    }

    /// Counts the calls of each command since the last call of `CONFIG RESETSTAT`.
    pub(crate) async fn calls(&mut self) -> BTreeMap<String, u64> {
        let stats: String = self.run("INFO commandstats").await;
        let lines = stats.lines().filter_map(|line| line.strip_prefix("cmdstat_"));
        let calls = lines.map(|line| {
            let (name, figures) = line.split_once(":calls=").unwrap();
            (name.to_owned(), figures.split(',').next().unwrap().parse().unwrap())
        });
        calls.collect()
    }

    /// Counts the clients with this name.
    pub(crate) async fn count_clients(&mut self, name: &str) -> usize {
        let clients: String = self.run("CLIENT LIST").await;
        clients.split_whitespace().filter(|word| *word == format!("name={name}")).count()
    }
}

/// A server for a single test.
pub(crate) struct RedisServer {
    dir: TempDir,
    port: u16,
    settings: Vec<String>,
    process: Option<Child>,
}

impl RedisServer {
    /// Starts a server with settings in the format of the command line: `--name value`.
    pub(crate) async fn start(settings: &str) -> Self {
        let mut server = Self::not_started(settings);
        server.restart().await;
        server
    }

    pub(crate) fn not_started(settings: &str) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        Self {
            dir: tempfile::tempdir().unwrap(),
            port: free.local_addr().unwrap().port(),
            settings: settings.split_whitespace().map(str::to_owned).collect(),
            process: None,
        }
    }

    /// Starts a server that only accepts TLS.
    pub(crate) async fn start_with_tls(settings: &str) -> Self {
        let mut server = Self::not_started("");
        server.set_settings(&format!("--port 0 --tls-port {} {settings}", server.port));
        server.restart().await;
        server
    }

    /// Changes the settings for the next start.
    pub(crate) fn set_settings(&mut self, settings: &str) {
        self.settings = settings.split_whitespace().map(str::to_owned).collect();
    }

    /// Starts the server again on the same port and with the same data directory.
    pub(crate) async fn restart(&mut self) {
        self.launch();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn launch(&mut self) {
        let process = Command::new(binary())
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--save", "", "--dir"])
            .arg(self.dir.path())
            .args(&self.settings)
            .stdout(Stdio::null())
            .spawn();
        self.process =
            Some(process.expect("failed to start redis-server: run the tests with `make test`"));
    }

    /// Kills the process, to simulate a power failure.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Sends the signal with this name to the process.
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
        RedisStore::open(&self.url(), OPEN_TIMEOUT).await.unwrap()
    }

    /// Waits until the server has loaded its data.
    pub(crate) async fn wait_until_ready(&self) {
        self.open().await;
    }

    pub(crate) async fn raw(&self) -> Raw {
        Raw::connect(&self.url()).await
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // Fails if the process has exited already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
