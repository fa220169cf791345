//! The programs and commands in the documents.

mod api_quick_start;
mod backup;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;
use tokio::time::timeout;
use webchat_tests::TIMEOUT;

/// Returns the path of a document.
fn document(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs").join(name)
}

/// Returns the first code block of a section of a document.
fn code_block(document_name: &str, heading: &str) -> String {
    let text = fs::read_to_string(document(document_name)).unwrap();
    let section = text.split("\n## ").find(|section| section.lines().next() == Some(heading));
    let section = section.unwrap_or_else(|| panic!("{document_name} has no section {heading}"));
    let code = section.split("```").nth(1).and_then(|block| block.split_once('\n'));
    code.unwrap_or_else(|| panic!("the section {heading} has no code block")).1.to_owned()
}

/// Runs a program to its end and returns its standard output.
async fn output(command: &mut Command) -> String {
    let run = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(TIMEOUT, run)
        .await
        .unwrap_or_else(|_| panic!("the process did not exit in time"))
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {}\n{error}\n{text}", output.status);
    text
}
