//! The API against its description, by a program that makes up requests: right ones, wrong ones, and
//! several in a row.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;
use webchat_tests::TestServer;

/// It ends by itself before that.
const PATIENCE: Duration = Duration::from_secs(110);

/// How long it makes up requests, in seconds, beyond those that it always makes.
const MAX_TIME: &str = "40";

#[tokio::test]
async fn whatever_is_asked_is_answered_as_it_is_described() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = tests.join("../.cache/schemathesis/bin/schemathesis");
    assert!(program.exists(), "{} is not there: run `make clients`", program.display());
    let server = TestServer::with(&[("REQUESTS_PER_SECOND", "0")]).await;
    let browser = server.browser();
    browser.start_conversation().await;
    let scratch = tempfile::tempdir().unwrap();

    let run = Command::new(program)
        .arg("--config-file")
        .arg(tests.join("schemathesis/schemathesis.toml"))
        .args(["run", browser.base().join("/api/openapi.json").unwrap().as_str()])
        .args(["--header", &format!("Cookie: {}", browser.cookie())])
        .args(["--max-time", MAX_TIME, "--max-examples", "20", "--generation-database", "none"])
        .args(["--no-color", "--seed", "1"])
        .current_dir(scratch.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let ended = timeout(PATIENCE, run).await.expect("an end in time").unwrap();

    let report = String::from_utf8_lossy(&ended.stdout);
    let complaints = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{report}\n{complaints}");
}
