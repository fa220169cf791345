//! Clients of OpenAI's API, in separate processes.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::browser::Browser;
use crate::timeout::TIMEOUT;

/// A client library of OpenAI's API.
#[derive(Clone, Copy, Debug)]
pub enum OpenAiLibrary {
    /// The official one for JavaScript.
    JavaScript,
    /// The official one for Python.
    Python,
    /// Vercel's AI SDK.
    AiSdk,
}

/// A client of OpenAI's API in a separate process.
pub struct OpenAiClient {
    // Held because dropping it kills the process.
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl OpenAiClient {
    /// Starts a client of the server that the browser uses, with this API key.
    #[must_use]
    pub fn start(library: OpenAiLibrary, browser: &Browser, key: &str) -> Self {
        let base_url = browser.base().join("/v1").unwrap();
        let mut child = command(library)
            .args([base_url.as_str(), key])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { _child: child, input, output }
    }

    /// Passes a command to the client, and returns its result.
    pub async fn run(&mut self, command: Value) -> Value {
        self.input.write_all(format!("{command}\n").as_bytes()).await.unwrap();
        let line = timeout(TIMEOUT, self.output.next_line()).await;
        let line = line.expect("the client did not respond in time").unwrap();
        serde_json::from_str(&line.expect("the client exited")).unwrap()
    }
}

fn command(library: OpenAiLibrary) -> Command {
    let clients = clients();
    let (program, script) = match library {
        OpenAiLibrary::JavaScript => ("node".into(), "openai-client.mjs"),
        OpenAiLibrary::AiSdk => ("node".into(), "ai-sdk.mjs"),
        OpenAiLibrary::Python => (python_program("python"), "openai_client.py"),
    };
    let modules = clients.join("node_modules/openai");
    assert!(modules.exists(), "{} does not exist: run `make clients`", modules.display());
    let mut command = Command::new(program);
    command.arg(clients.join(script));
    command
}

/// Returns the command `llm`, without its arguments.
#[must_use]
pub fn llm_command() -> Command {
    Command::new(python_program("llm"))
}

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

fn python_program(name: &str) -> PathBuf {
    let program = clients().join("../../.cache/openai-clients/bin").join(name);
    assert!(program.exists(), "{} does not exist: run `make clients`", program.display());
    program
}
