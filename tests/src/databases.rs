//! The databases that tests use.

use std::env;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use mongodb::Client;
use mongodb::bson::{DateTime, Document, doc};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::timeout::TIMEOUT;

/// Returns the URI of a new database, another one for each call, on the MongoDB server that all tests share. The
/// database is deleted with the server.
#[must_use]
pub fn mongodb_uri() -> String {
    let server = required_variable("TEST_MONGODB_URI");
    let (server, options) = server.split_once('?').unwrap_or((&server, ""));
    format!("{}/webchat_{}?{options}", server.trim_end_matches('/'), Uuid::now_v7().simple())
}

/// Inserts a conversation in the format of the Flask application. Each message is a pair of a role and a content.
pub async fn insert_flask_conversation(
    uri: &str,
    id: &str,
    user_id: &str,
    messages: &[(&str, &str)],
) {
    let client = Client::with_uri_str(uri).await.unwrap();
    let history: Vec<Document> = messages
        .iter()
        .map(|(role, content)| doc! { "role": *role, "content": *content })
        .collect();
    let texts: Vec<&str> = messages.iter().map(|(_, content)| *content).collect();
    let now = DateTime::from_millis(1_700_000_000_000);
    let document = doc! {
        "conversation_id": id, "user_id": user_id, "conversation_history": history,
        "conversation_text": texts.join(" "), "created_at": now, "updated_at": now,
    };
    let conversations = client.default_database().unwrap().collection("conversations");
    conversations.insert_one(document).await.unwrap();
}

/// Reads the content of a conversation's newest message directly from MongoDB.
pub async fn newest_message(uri: &str, conversation_id: &str) -> String {
    let client = Client::with_uri_str(uri).await.unwrap();
    let messages = client.default_database().unwrap().collection::<Document>("messages");
    let newest = messages
        .find_one(doc! { "conversation_id": conversation_id })
        .sort(doc! { "position": -1 })
        .await;
    newest.unwrap().unwrap().get_str("content").unwrap().to_owned()
}

/// The URL of the Redis server that all tests share. Keys contain random ids, so tests do not collide.
#[must_use]
pub fn redis_url() -> String {
    required_variable("TEST_REDIS_URL")
}

#[expect(clippy::disallowed_methods, reason = "`make test` sets the servers' addresses")]
fn required_variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests with `make test`"))
}

/// A Redis server that belongs to one test, which can kill and restart it.
pub struct Redis {
    dir: TempDir,
    port: u16,
    process: Child,
}

impl Redis {
    /// Starts a server that writes each change to disk before it responds.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let dir = tempfile::tempdir().unwrap();
        let process = launch(&dir, port).await;
        Self { dir, port, process }
    }

    /// The URL of the server.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills the server, as `kill -9` does.
    pub async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Starts the server again on the same port and with the same data.
    pub async fn restart(&mut self) {
        self.process = launch(&self.dir, self.port).await;
    }

    /// Returns all keys with their values, as text.
    pub async fn dump(&self) -> String {
        let mut dump = String::new();
        for key in self.command(&["KEYS", "*"]).await.lines() {
            let kind = self.command(&["TYPE", key]).await;
            let value = match kind.trim() {
                "string" => self.command(&["GET", key]).await,
                "set" => self.command(&["SMEMBERS", key]).await,
                "hash" => self.command(&["HGETALL", key]).await,
                "stream" => self.command(&["XRANGE", key, "-", "+"]).await,
                // It has just expired.
                "none" => continue,
                other => panic!("{key} is a {other}"),
            };
            dump.extend([key, "\n", &value]);
        }
        dump
    }

    async fn command(&self, arguments: &[&str]) -> String {
        let port = self.port.to_string();
        let mut command = Command::new("redis-cli");
        let output = command.args(["-p", &port, "--raw"]).args(arguments).output().await.unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// Returns all documents of a database, as JSON, with their collections.
pub async fn dump_mongodb(uri: &str) -> Vec<(String, String)> {
    let client = Client::with_uri_str(uri).await.unwrap();
    let database = client.default_database().unwrap();
    let mut dump = Vec::new();
    for name in database.list_collection_names().await.unwrap() {
        let mut documents = database.collection::<Document>(&name).find(doc! {}).await.unwrap();
        while documents.advance().await.unwrap() {
            dump.push((name.clone(), documents.deserialize_current().unwrap().to_string()));
        }
    }
    dump
}

async fn launch(dir: &TempDir, port: u16) -> Child {
    let process = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
        .arg(dir.path())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let process = process.expect("redis-server is not installed: run the tests with `make test`");
    let connect = async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(TIMEOUT, connect).await.expect("Redis did not start in time");
    process
}
