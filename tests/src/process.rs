//! The server binary as a separate process.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::NamedTempFile;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::browser::Browser;
use crate::server::NO_LIMITS_PER_ADDRESS;
use crate::timeout::TIMEOUT;

/// The outcome of a process that has exited.
#[derive(Debug, PartialEq, Eq)]
pub struct ProcessOutput {
    /// Whether the exit status is 0.
    pub success: bool,
    /// The standard output.
    pub stdout: String,
    /// The standard error.
    pub stderr: String,
}

/// A running server in a separate process.
pub struct Process {
    child: Child,
    url: String,
    log: NamedTempFile,
    output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts the server with this data directory and waits until it is ready.
    pub async fn start(data_dir: &Path, settings: &[(&str, &str)]) -> Self {
        let started = Self::try_start(data_dir, settings).await;
        started.unwrap_or_else(|error| panic!("the server failed to start: {error}"))
    }

    /// Like [`Process::start`], for a server that may fail to start.
    ///
    /// # Errors
    /// The standard error of a server that exits before it is ready.
    pub async fn try_start(data_dir: &Path, settings: &[(&str, &str)]) -> Result<Self, String> {
        Self::spawn_and_wait(&mut command(data_dir, &["serve"], settings)).await
    }

    /// Starts an example of the workspace and waits until it prints its URL.
    pub async fn start_example(name: &str, arguments: &[&str]) -> Self {
        let example = binary().with_file_name("examples").join(name);
        assert!(
            example.exists(),
            "{} does not exist: run `cargo build --examples`",
            example.display()
        );
        let mut command = Command::new(example);
        command.args(arguments).env_clear().kill_on_drop(true);
        let started = Self::spawn_and_wait(&mut command).await;
        started.unwrap_or_else(|error| panic!("the example failed to start: {error}"))
    }

    async fn spawn_and_wait(command: &mut Command) -> Result<Self, String> {
        // Use a file: a pipe that nobody reads would block the server once the pipe is full.
        let log = NamedTempFile::new().unwrap();
        let stderr = log.reopen().unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(TIMEOUT, output.next_line())
            .await
            .expect("timed out waiting for output")
            .unwrap();
        let Some(line) = line else {
            child.wait().await.unwrap();
            return Err(fs::read_to_string(log.path()).unwrap());
        };
        let url = line.split_whitespace().find(|word| word.starts_with("http")).unwrap().to_owned();
        Ok(Self { child, url, log, output })
    }

    /// The server's log so far. A line about a request is written before the response is sent.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log.path()).unwrap()
    }

    /// The next line of standard output after the one with the URL.
    pub async fn next_line(&mut self) -> Option<String> {
        timeout(TIMEOUT, self.output.next_line())
            .await
            .expect("timed out waiting for output")
            .unwrap()
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Runs a server that is expected to fail to start with these settings.
    pub async fn run_until_exit(data_dir: &Path, settings: &[(&str, &str)]) -> ProcessOutput {
        run_to_exit(&mut command(data_dir, &["serve"], settings)).await
    }

    /// Starts a server, sends it `SIGTERM` after the future completes, and waits for its exit.
    pub async fn terminate_after(
        starting: impl Future,
        data_dir: &Path,
        settings: &[(&str, &str)],
    ) -> ProcessOutput {
        let mut command = command(data_dir, &["serve"], settings);
        let server = command.stdout(Stdio::piped()).spawn().unwrap();
        starting.await;
        send_signal(&server, "-TERM").await;
        wait_for_output(server).await
    }

    /// Runs a command of the binary.
    pub async fn run(arguments: &[&str]) -> ProcessOutput {
        Self::run_with(arguments, &[]).await
    }

    /// Runs a command of the binary with these settings.
    pub async fn run_with(arguments: &[&str], settings: &[(&str, &str)]) -> ProcessOutput {
        let dir = tempfile::tempdir().unwrap();
        Self::run_in(dir.path(), arguments, settings).await
    }

    /// Runs a command of the binary in this directory with these settings.
    pub async fn run_in(
        dir: &Path,
        arguments: &[&str],
        settings: &[(&str, &str)],
    ) -> ProcessOutput {
        run_to_exit(&mut command(dir, arguments, settings)).await
    }

    /// Limits the size of the files that the process writes, to simulate a full disk.
    pub async fn limit_file_size(&self, bytes: &str) {
        let id = self.child.id().unwrap().to_string();
        let limit = format!("--fsize={bytes}:unlimited");
        let status = Command::new("prlimit").args(["--pid", &id, &limit]).status().await.unwrap();
        assert!(status.success());
    }

    /// Creates a new user's browser.
    #[must_use]
    pub fn browser(&self) -> Browser {
        Browser::new(&self.url)
    }

    /// Creates a browser for this server, with the cookies that `browser` received from another instance, so that
    /// the user is the same.
    #[must_use]
    pub fn browser_with_cookies_of(&self, browser: &Browser) -> Browser {
        browser.at_url(self.url.parse().unwrap())
    }

    /// Kills the server, as `kill -9` does.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Sends `SIGTERM`, as a service manager does.
    pub async fn terminate(&mut self) {
        self.signal("-TERM").await;
    }

    /// Pauses the process, as a suspended virtual machine is.
    pub async fn pause(&self) {
        self.signal("-STOP").await;
    }

    /// Resumes the paused process.
    pub async fn resume(&self) {
        self.signal("-CONT").await;
    }

    /// Sends `SIGHUP`.
    pub async fn hang_up(&self) {
        self.signal("-HUP").await;
    }

    async fn signal(&self, signal: &str) {
        send_signal(&self.child, signal).await;
    }

    /// Waits until the server exits. Returns whether its exit status is 0.
    pub async fn exits_successfully(mut self) -> bool {
        self.wait_for_exit().await
    }

    /// Like [`Process::exits_successfully`], by reference.
    pub async fn wait_for_exit(&mut self) -> bool {
        timeout(TIMEOUT, self.child.wait())
            .await
            .expect("the process did not exit in time")
            .unwrap()
            .success()
    }
}

async fn send_signal(process: &Child, signal: &str) {
    let id = process.id().unwrap().to_string();
    let status = Command::new("kill").args([signal, &id]).status().await.unwrap();
    assert!(status.success());
}

async fn run_to_exit(command: &mut Command) -> ProcessOutput {
    wait_for_output(command.stdout(Stdio::piped()).spawn().unwrap()).await
}

async fn wait_for_output(process: Child) -> ProcessOutput {
    let output = timeout(TIMEOUT, process.wait_with_output())
        .await
        .expect("the process did not exit in time")
        .unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    ProcessOutput {
        success: output.status.success(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

fn command(data_dir: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let binary = binary();
    assert!(binary.exists(), "{} does not exist: run `cargo build`", binary.display());
    // Without the trap, a write beyond the file size limit would not fail, but kill the process.
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(binary)
        .args(arguments)
        // The developer's environment and `.env` file must not affect the test.
        .env_clear()
        .current_dir(data_dir)
        .env("DATA_DIR", data_dir)
        .env("PORT", "0")
        .env("AUTO_TITLES", "off")
        .envs(NO_LIMITS_PER_ADDRESS)
        .envs(settings.iter().copied())
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Returns the path of the server binary, which is next to the directory of the running test binary.
fn binary() -> PathBuf {
    let test = env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().join("webchat")
}
