//! The official Socket.IO client libraries, in separate processes.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::browser::Browser;
use crate::timeout::TIMEOUT;

/// A Socket.IO client library.
#[derive(Clone, Copy, Debug)]
pub enum ClientLibrary {
    /// socket.io-client on Node.js.
    JavaScript,
    /// python-socketio.
    Python,
}

/// A Socket.IO client in a separate process.
pub struct RealClient {
    // Held because dropping it kills the process.
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl RealClient {
    /// Starts a client with the browser's cookie. `transports` are names that the library uses, separated by commas.
    #[must_use]
    pub fn start(library: ClientLibrary, transports: &str, browser: &Browser) -> Self {
        let mut child = command(library)
            .args([browser.base().as_str(), transports, &browser.cookie()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { _child: child, input, output }
    }

    /// Emits an event and requests an acknowledgement.
    pub async fn emit(&mut self, event: &str, data: Value) {
        let line = format!("{}\n", json!([event, data]));
        self.input.write_all(line.as_bytes()).await.unwrap();
    }

    /// Receives all notifications up to and including the next one with this name.
    pub async fn receive_until(&mut self, name: &str) -> Vec<Value> {
        self.receive_until_within(name, TIMEOUT).await
    }

    /// Like [`RealClient::receive_until`], with another timeout.
    pub async fn receive_until_within(&mut self, name: &str, max_wait: Duration) -> Vec<Value> {
        let mut received = Vec::new();
        while received.last().is_none_or(|last: &Value| last[0] != name) {
            let line = timeout(max_wait, self.output.next_line()).await.unwrap_or_else(|_| {
                panic!("timed out waiting for {name}; received {received:?}");
            });
            let line =
                line.unwrap().unwrap_or_else(|| panic!("the client exited; received {received:?}"));
            received.push(serde_json::from_str(&line).unwrap());
        }
        received
    }
}

fn command(library: ClientLibrary) -> Command {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let clients = tests.join("clients");
    let (program, script, installation) = match library {
        ClientLibrary::JavaScript => ("node".into(), "client.mjs", clients.join("node_modules")),
        ClientLibrary::Python => {
            let python = tests.join("../.cache/socket-io-client/bin/python");
            (python.clone(), "client.py", python)
        }
    };
    assert!(installation.exists(), "{} does not exist: run `make clients`", installation.display());
    let mut command = Command::new(program);
    command.arg(clients.join(script));
    command
}
