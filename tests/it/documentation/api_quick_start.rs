//! The programs of the API quick start: each creates a conversation, streams an answer and finds both messages.

use std::env;
use std::fs;
use std::path::PathBuf;

use rstest::rstest;
use tempfile::TempDir;
use tokio::process::Command;
use webchat_tests::TestServer;

use super::{code_block, document, output};

const DOCUMENT: &str = "api-quick-start.md";

/// Settings for short answers. A long answer could exceed the timeout of a test.
const SHORT_ANSWERS: [(&str, &str); 1] = [("REPLY_TOKENS", "60")];

#[rstest]
#[case::curl("curl", "example.sh", &["bash", "-eu"])]
#[case::javascript("JavaScript", "example.mjs", &["node"])]
#[case::python("Python", "example.py", &["python3"])]
#[tokio::test]
async fn a_program_of_the_quick_start_streams_an_answer(
    #[case] heading: &str,
    #[case] file: &str,
    #[case] interpreter: &[&str],
) {
    let server = TestServer::with_real_model(&SHORT_ANSWERS).await;
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join(file), code_block(DOCUMENT, heading)).unwrap();

    let mut command = Command::new(interpreter[0]);
    command.args(&interpreter[1..]).arg(file).current_dir(dir.path());
    let printed = run(&mut command, &server).await;

    assert_answered_and_found(&printed);
}

#[tokio::test]
async fn the_rust_program_of_the_quick_start_streams_an_answer() {
    let source =
        document(DOCUMENT).with_file_name("../tests/examples/api_quick_start/documented.rs");
    assert_eq!(fs::read_to_string(source).unwrap(), code_block(DOCUMENT, "Rust"));
    let server = TestServer::with_real_model(&SHORT_ANSWERS).await;

    let printed = run(&mut Command::new(example("api_quick_start")), &server).await;

    assert_answered_and_found(&printed);
}

async fn run(command: &mut Command, server: &TestServer) -> String {
    let browser = server.browser();
    let url = browser.base().as_str().trim_end_matches('/');
    output(command.env("WEBCHAT_URL", url)).await
}

fn assert_answered_and_found(printed: &str) {
    let is_complete = ["stop", "length"].iter().any(|reason| printed.contains(reason));
    assert!(is_complete, "{printed}");
    let search_result = printed.lines().last().unwrap_or_default();
    assert!(search_result.contains("tides"), "{printed}");
}

fn example(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let example = test.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(example.exists(), "{} does not exist: run `cargo build --examples`", example.display());
    example
}
