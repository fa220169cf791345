//! The models of the configuration file.

use std::fs;

use webchat_tests::Process;

#[tokio::test]
async fn all_errors_of_the_models_stop_the_start_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("webchat.toml");
    fs::write(
        &file,
        "
        [[models]]
        id = 'two words'
        windows = 5
        [[models.deployments]]
        url = 'ftp://key:secret@models.example'
        weight = 0
        [[models]]
        id = 'small'
        window = 100
        reply = 100
        [[models.deployments]]
        url = 'http://127.0.0.1:9/v1/chat/completions'
        key_env = 'KEY_OF_SMALL'
        [[models]]
        id = 'small'
        ",
    )
    .unwrap();
    let settings =
        [("CONFIG_FILE", file.to_str().unwrap()), ("MODEL", "gpt-4o"), ("API_KEY", "sk-secret")];

    let output = Process::run_until_exit(dir.path(), &settings).await;

    assert!(!output.success);
    for expected in [
        "models[1].id",
        "models[1].windows",
        "did you mean window?",
        "models[1].deployments[1].url",
        "models[1].deployments[1].weight",
        "models[2].reply",
        "models[2].deployments[1].key_env",
        "set KEY_OF_SMALL in the environment",
        "models[3].deployments",
        "MODEL in the environment",
        "no value beside [[models]]",
    ] {
        assert!(output.stderr.contains(expected), "{expected}\n{}", output.stderr);
    }
    for secret in ["secret@", "sk-secret"] {
        assert!(!output.stderr.contains(secret), "{}", output.stderr);
    }
}
