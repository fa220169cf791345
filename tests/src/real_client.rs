use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::{Browser, PATIENCE};

/// A library that people use.
#[derive(Clone, Copy, Debug)]
pub enum Library {
    /// socket.io-client in Node.
    JavaScript,
    /// python-socketio.
    Python,
}

/// A client of Socket.IO as people have it, as a process of its own.
pub struct RealClient {
    // Ends with this, and with its input.
    _child: Child,
    input: ChildStdin,
    told: Lines<BufReader<ChildStdout>>,
}

impl RealClient {
    /// Starts it, with the browser's cookie and these transports, as the libraries name them.
    #[must_use]
    pub fn start(library: Library, transports: &str, browser: &Browser) -> Self {
        let mut child = command(library)
            .args([browser.base().as_str(), transports, &browser.cookie()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let told = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { _child: child, input, told }
    }

    /// Emits an event that is to be acknowledged.
    pub async fn emit(&mut self, event: &str, data: Value) {
        let line = format!("{}\n", json!([event, data]));
        self.input.write_all(line.as_bytes()).await.unwrap();
    }

    /// Everything that happens to the client until this does, which is the last of it.
    pub async fn until(&mut self, happening: &str) -> Vec<Value> {
        self.until_within(happening, PATIENCE).await
    }

    /// As [`RealClient::until`], for what takes its time.
    pub async fn until_within(&mut self, happening: &str, patience: Duration) -> Vec<Value> {
        let mut happened = Vec::new();
        while happened.last().is_none_or(|last: &Value| last[0] != happening) {
            let line = timeout(patience, self.told.next_line()).await.unwrap_or_else(|_| {
                panic!("no {happening} in time, but {happened:?}");
            });
            let line = line.unwrap().unwrap_or_else(|| panic!("it ended after {happened:?}"));
            happened.push(serde_json::from_str(&line).unwrap());
        }
        happened
    }
}

fn command(library: Library) -> Command {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let clients = tests.join("clients");
    let (program, script, installed) = match library {
        Library::JavaScript => ("node".into(), "client.mjs", clients.join("node_modules")),
        Library::Python => {
            let python = tests.join("../.cache/socket-io-client/bin/python");
            (python.clone(), "client.py", python)
        }
    };
    assert!(installed.exists(), "{} is not there: run `make clients`", installed.display());
    let mut command = Command::new(program);
    command.arg(clients.join(script));
    command
}
