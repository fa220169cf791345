//! The configuration file, and the commands that check and print the settings.

use std::fs;

use tempfile::TempDir;
use webchat_tests::{Process, ScriptedModel};

const URL: &str = "http://127.0.0.1:9/v1/chat/completions";

/// Creates a directory with a `webchat.toml` with this content.
fn dir_with(text: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("webchat.toml"), text).unwrap();
    dir
}

#[tokio::test]
async fn the_server_uses_the_configuration_file() {
    let model = ScriptedModel::start();
    let dir = dir_with(&format!("[model]\nurl = '{}'\nname = 'model-of-the-file'", model.url()));

    let server = Process::start(dir.path(), &[]).await;

    let config = server.browser().get("/api/v1/config").await.json();
    assert_eq!(config["model"], "model-of-the-file", "{config}");
}

#[tokio::test]
async fn valid_settings_pass_the_check() {
    let dir = dir_with(&format!("[model]\nurl = '{URL}'"));

    let output = Process::run_in(dir.path(), &["config", "check"], &[]).await;

    assert!(output.success, "{output:?}");
    assert_eq!(output.stdout, "The settings are valid.\n");
}

#[tokio::test]
async fn the_check_reports_all_invalid_settings_together_without_their_values() {
    let dir = dir_with("[server]\nprot = 1\n[model]\napi_key = ['hunter2']");
    let dotenv = "LOG_LEVEL=hunter2\nSECRET_KEY='hunter2\n";
    fs::write(dir.path().join(".env"), dotenv).unwrap();

    let settings = [("HOST", "hunter2")];
    let output = Process::run_in(dir.path(), &["config", "check"], &settings).await;

    assert!(!output.success, "{output:?}");
    assert!(!output.stderr.contains("hunter2"), "{output:?}");
    for line in [
        "server.prot in webchat.toml (unknown): did you mean server.port?",
        "model.api_key in webchat.toml (an array of length 1): expected a string",
        "SECRET_KEY in .env (line 2): expected NAME=value",
        "LOG_LEVEL in .env (7 characters): expected one of error, warn, info, debug, trace",
        "HOST in the environment (7 characters): expected an IP address",
        "AZURE_API_URL (not set): expected ",
    ] {
        assert!(output.stderr.contains(line), "{line}\n{}", output.stderr);
    }
}

#[tokio::test]
async fn the_settings_are_printed_with_their_sources_and_without_secrets() {
    let dir = dir_with(&format!("[model]\nurl = '{URL}'\nmax_tokens = 4000"));
    fs::write(dir.path().join(".env"), "API_KEY=hunter2\nMAX_TOKENS=5000\n").unwrap();

    let settings = [("LOG_LEVEL", "warn")];
    let output = Process::run_in(dir.path(), &["config", "print"], &settings).await;

    assert!(output.success && !output.stdout.contains("hunter2"), "{output:?}");
    for line in [
        &format!("url = \"{URL}\" # webchat.toml"),
        "# api_key = \"…\" # secret, from API_KEY in .env",
        "max_tokens = 5000 # MAX_TOKENS in .env",
        "level = \"warn\" # LOG_LEVEL in the environment",
        "# reply_tokens is not set",
        "auth = \"auto\" # default",
    ] {
        assert!(output.stdout.lines().any(|printed| printed == line), "{line}\n{}", output.stdout);
    }
}

#[tokio::test]
async fn a_configuration_file_in_the_environment_replaces_the_default_one_and_must_exist() {
    let dir = dir_with("[server]\nprot = 1");
    let other = format!("[model]\nurl = '{URL}'");
    fs::write(dir.path().join("other.toml"), other).unwrap();
    let check = async |file| {
        let settings = [("CONFIG_FILE", file)];
        Process::run_in(dir.path(), &["config", "check"], &settings).await
    };

    assert!(check("other.toml").await.success);
    let missing = check("missing.toml").await;
    assert!(
        !missing.success && missing.stderr.contains("missing.toml (No such file"),
        "{missing:?}"
    );
}

#[tokio::test]
async fn the_example_configurations_are_valid() {
    let dir = tempfile::tempdir().unwrap();
    let example = Process::run_in(dir.path(), &["config", "example"], &[]).await;
    let variables = ["config", "example", "--format", "env"];
    let variables = Process::run_in(dir.path(), &variables, &[]).await;
    fs::write(dir.path().join("webchat.toml"), example.stdout).unwrap();
    fs::write(dir.path().join(".env"), variables.stdout).unwrap();

    let settings = [("AZURE_API_URL", URL)];
    let output = Process::run_in(dir.path(), &["config", "check"], &settings).await;

    assert!(output.success, "{output:?}");
}
