use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::{Browser, PATIENCE};

/// How a process ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    /// Whether well.
    pub ended_well: bool,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

/// The real binary, as a process of its own: to be killed.
pub struct Process {
    child: Child,
    url: String,
}

impl Process {
    /// Starts it on this folder, and waits until it is ready.
    pub async fn start(data_dir: &Path, settings: &[(&str, &str)]) -> Self {
        let started = Self::try_start(data_dir, settings).await;
        started.unwrap_or_else(|error| panic!("the server does not start: {error}"))
    }

    /// Starts it where it may not be able to run.
    ///
    /// # Errors
    /// With what it says then.
    pub async fn try_start(data_dir: &Path, settings: &[(&str, &str)]) -> Result<Self, String> {
        Self::ready(&mut command(data_dir, &["serve"], settings)).await
    }

    /// Starts an example of the crates, which prints where it is.
    pub async fn start_example(name: &str, arguments: &[&str]) -> Self {
        let example = binary().with_file_name("examples").join(name);
        assert!(
            example.exists(),
            "{} is not there: run `cargo build --examples`",
            example.display()
        );
        let mut command = Command::new(example);
        command.args(arguments).env_clear().kill_on_drop(true).stderr(Stdio::piped());
        let started = Self::ready(&mut command).await;
        started.unwrap_or_else(|error| panic!("the example does not start: {error}"))
    }

    async fn ready(command: &mut Command) -> Result<Self, String> {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.expect("a line in time").unwrap();
        let Some(line) = line else {
            let output = child.wait_with_output().await.unwrap();
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        };
        let url = line.split_whitespace().find(|word| word.starts_with("http")).unwrap().to_owned();
        Ok(Self { child, url })
    }

    /// Its number at the system.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Starts it where it can't run, and waits for its end.
    pub async fn fail(data_dir: &Path, settings: &[(&str, &str)]) -> Ended {
        end(&mut command(data_dir, &["serve"], settings)).await
    }

    /// Runs one of its other commands.
    pub async fn run(arguments: &[&str]) -> Ended {
        Self::run_with(arguments, &[]).await
    }

    /// Runs one of its other commands with these settings.
    pub async fn run_with(arguments: &[&str], settings: &[(&str, &str)]) -> Ended {
        let folder = tempfile::tempdir().unwrap();
        end(&mut command(folder.path(), arguments, settings)).await
    }

    /// Lets no file of the process grow beyond so many bytes, which a full disk does too.
    pub async fn limit_files(&self, bytes: &str) {
        let id = self.child.id().unwrap().to_string();
        let limit = format!("--fsize={bytes}:unlimited");
        let set = Command::new("prlimit").args(["--pid", &id, &limit]).status().await.unwrap();
        assert!(set.success());
    }

    /// Somebody new.
    #[must_use]
    pub fn browser(&self) -> Browser {
        Browser::new(&self.url)
    }

    /// As `kill -9`.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// As a service manager ends it.
    pub async fn terminate(&mut self) {
        let id = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().await.unwrap();
        assert!(sent.success());
    }

    /// Waits for its end: whether it was a good one.
    pub async fn ended_well(mut self) -> bool {
        self.ends_well().await
    }

    /// Waits for its end, which it has been told of: whether it was a good one.
    pub async fn ends_well(&mut self) -> bool {
        timeout(PATIENCE, self.child.wait()).await.expect("the end in time").unwrap().success()
    }
}

async fn end(command: &mut Command) -> Ended {
    let output = timeout(PATIENCE, command.output()).await.expect("the end in time").unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ended {
        ended_well: output.status.success(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

fn command(data_dir: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let binary = binary();
    assert!(binary.exists(), "{} is not there: run `cargo build`", binary.display());
    // A file that is at its limit is an error to the process, and not its end.
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(binary)
        .args(arguments)
        // Nothing of the developer's own environment, nor a .env file.
        .env_clear()
        .current_dir(data_dir)
        .env("DATA_DIR", data_dir)
        .env("PORT", "0")
        .env("AUTO_TITLES", "off")
        .envs(settings.iter().copied())
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Beside the folder of this test's own binary.
fn binary() -> PathBuf {
    let test = env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().join("webchat")
}
