//! Schemathesis, which generates valid and invalid requests, and sequences of them, from the OpenAPI description and
//! checks the responses against it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;
use webchat_tests::TestServer;

/// The maximum run time. Schemathesis should stop earlier.
const TIMEOUT: Duration = Duration::from_secs(110);

/// The time for which Schemathesis generates random requests, in seconds.
const MAX_TIME: &str = "40";

#[tokio::test]
async fn every_response_matches_the_api_description() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = tests.join("../.cache/schemathesis/bin/schemathesis");
    assert!(program.exists(), "{} does not exist: run `make clients`", program.display());
    let server = TestServer::with_settings(&[("REQUESTS_PER_SECOND", "0")]).await;
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
    let output = timeout(TIMEOUT, run).await.expect("the process did not exit in time").unwrap();

    let report = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}\n{errors}");
}
