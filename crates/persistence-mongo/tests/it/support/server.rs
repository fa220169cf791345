//! A server for a single test, which may kill it.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use mongodb::Client;
use mongodb::bson::{Bson, Document, doc};
use tempfile::TempDir;
use tokio::time::sleep;

/// A `mongod` process with its own data directory. It is killed at the end.
pub(crate) struct TestServer {
    dir: TempDir,
    port: u16,
    arguments: Vec<&'static str>,
    process: Child,
}

const REPLICA_SET: [&str; 2] = ["--replSet", "test"];

impl TestServer {
    /// Starts the only member of a replica set, with fail points enabled.
    pub(crate) async fn start() -> Self {
        let server = Self::start_uninitiated().await;
        let member = doc! { "_id": 0, "host": server.host() };
        let set = doc! { "_id": "test", "members": [member] };
        server.run_admin_command(doc! { "replSetInitiate": set }).await;
        server.wait_for_primary().await;
        server
    }

    /// Starts a server with `--replSet` whose set is not initiated.
    pub(crate) async fn start_uninitiated() -> Self {
        Self::start_with(&REPLICA_SET).await
    }

    /// Starts a server that is not a member of a replica set.
    pub(crate) async fn start_standalone() -> Self {
        Self::start_with(&[]).await
    }

    async fn start_with(arguments: &[&'static str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let process = spawn(&dir, port, arguments);
        let server = Self { dir, port, arguments: arguments.to_vec(), process };
        server.wait_for_ping().await;
        server
    }

    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn uri(&self) -> String {
        format!("mongodb://{}/?replicaSet=test", self.host())
    }

    /// Kills the process with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts the process again with its data.
    pub(crate) async fn restart(&mut self) {
        self.process = spawn(&self.dir, self.port, &self.arguments);
        self.wait_for_primary().await;
    }

    /// Makes the primary step down. It is elected again after a second.
    pub(crate) async fn step_down(&self) {
        self.run_admin_command(doc! { "replSetStepDown": 1, "force": true }).await;
    }

    /// Configures a fail point, which only servers with `enableTestCommands` have.
    pub(crate) async fn fail_point(&self, name: &str, mode: impl Into<Bson>, data: Document) {
        self.run_admin_command(
            doc! { "configureFailPoint": name, "mode": mode.into(), "data": data },
        )
        .await;
    }

    pub(crate) async fn run_admin_command(&self, command: Document) -> Document {
        self.direct_client().await.database("admin").run_command(command).await.unwrap()
    }

    async fn direct_client(&self) -> Client {
        let uri = format!("mongodb://{}/?directConnection=true", self.host());
        Client::with_uri_str(uri).await.unwrap()
    }

    async fn wait_for_ping(&self) {
        let admin = self.direct_client().await.database("admin");
        eventually(async || admin.run_command(doc! { "ping": 1 }).await.is_ok()).await;
    }

    async fn wait_for_primary(&self) {
        let admin = self.direct_client().await.database("admin");
        eventually(async || {
            let hello = admin.run_command(doc! { "hello": 1 }).await;
            hello.is_ok_and(|hello| hello.get_bool("isWritablePrimary").unwrap())
        })
        .await;
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // Some tests have killed it already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until the condition holds. Panics after a minute.
pub(crate) async fn eventually(condition: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "the condition did not hold within a minute"
        );
        sleep(Duration::from_millis(50)).await;
    }
}

fn spawn(dir: &TempDir, port: u16, arguments: &[&str]) -> Child {
    let data = dir.path().join("data");
    fs::create_dir_all(&data).unwrap();
    Command::new(mongod())
        .args(["--bind_ip", "127.0.0.1", "--nounixsocket", "--quiet"])
        .args(["--wiredTigerCacheSizeGB", "0.25", "--setParameter", "enableTestCommands=1"])
        .args(["--port", &port.to_string()])
        .args(arguments)
        .arg("--dbpath")
        .arg(data)
        .arg("--logpath")
        .arg(dir.path().join("log"))
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[expect(clippy::disallowed_methods, reason = "`make test` sets the path in the environment")]
fn mongod() -> String {
    env::var("TEST_MONGOD").expect("TEST_MONGOD is not set to the path of mongod: use `make test`")
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
