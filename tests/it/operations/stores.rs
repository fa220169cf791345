//! The operation of the stores: copying, preparing and migrating databases, and a full disk.

use serde_json::json;
use webchat_tests::{Process, ScriptedModel, insert_flask_conversation, mongodb_uri};

const KEY: (&str, &str) = ("SECRET_KEY", "0123456789abcdef0123456789abcdef");

#[tokio::test]
async fn a_store_is_copied_to_mongodb_and_back() {
    let model = ScriptedModel::start();
    let (dir, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (data, uri) = (dir.path().to_str().unwrap(), mongodb_uri());
    let on_file = [("AZURE_API_URL", model.url()), KEY];
    let on_mongo = [("AZURE_API_URL", model.url()), KEY, ("MONGODB_URI", &uri)];
    let mut server = Process::start(dir.path(), &on_file).await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    browser.connect().await.ask(&id, "sent on SQLite").await;
    let my_settings = "/api/v1/me/settings";
    browser.patch(my_settings, &json!({"system_prompt": "Use SI units."})).await;

    let while_running = Process::run(&["copy", "--from", data, "--to", &uri]).await;
    server.terminate().await;
    assert!(server.exits_successfully().await);
    let copied = Process::run(&["copy", "--from", data, "--to", &uri]).await;
    let server = Process::start(dir.path(), &on_mongo).await;
    let browser = server.browser_with_cookies_of(&browser);
    let loaded = browser.get(&format!("/load_conversation/{id}")).await.json();
    let settings = browser.get(my_settings).await.json();
    browser.connect().await.ask(&id, "sent on MongoDB").await;
    server.kill().await;
    let target_file = target.path().join("webchat.db");
    let copied_back =
        Process::run(&["copy", "--from", &uri, "--to", target_file.to_str().unwrap()]).await;

    assert!(while_running.stderr.contains("is in use by another Webchat"), "{while_running:?}");
    assert!(
        copied.stdout.contains("copied and verified: 1 conversations, 2 messages"),
        "{copied:?}"
    );
    assert_eq!(loaded["conversation"][0]["content"], json!("sent on SQLite"));
    assert_eq!(settings["system_prompt"], json!("Use SI units."));
    let counts = "copied and verified: 1 conversations, 4 messages";
    assert!(copied_back.stdout.contains(counts), "{copied_back:?}");
    assert!(target_file.exists());
}

#[tokio::test]
async fn copying_from_a_missing_store_or_onto_itself_is_rejected() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    let (missing, data) = (missing.to_str().unwrap(), dir.path().to_str().unwrap());

    let from_missing = Process::run(&["copy", "--from", missing, "--to", data]).await;
    let onto_itself = Process::run(&["copy", "--from", data, "--to", data]).await;

    assert!(
        !from_missing.success && from_missing.stderr.contains("does not exist"),
        "{from_missing:?}"
    );
    assert!(
        !onto_itself.success && onto_itself.stderr.contains("the same store"),
        "{onto_itself:?}"
    );
}

#[tokio::test]
async fn a_database_is_prepared_once_and_a_dry_run_changes_nothing() {
    let uri = mongodb_uri();
    let settings = [("MONGODB_URI", uri.as_str())];

    let dry_run = Process::run_with(&["init-db", "--dry-run"], &settings).await;
    let repeated_dry_run = Process::run_with(&["init-db", "--dry-run"], &settings).await;
    let (did, concurrent) = tokio::join!(
        Process::run_with(&["init-db"], &settings),
        Process::run_with(&["init-db"], &settings)
    );
    let nothing_left = Process::run_with(&["init-db", "--dry-run"], &settings).await;

    assert!(dry_run.stdout.contains("would "), "{dry_run:?}");
    assert_eq!(dry_run, repeated_dry_run);
    assert!(did.success && concurrent.success, "{did:?} {concurrent:?}");
    assert!(nothing_left.stdout.contains("is up to date"), "{nothing_left:?}");
}

#[tokio::test]
async fn init_db_migrates_the_flask_database() {
    let (uri, dir) = (mongodb_uri(), tempfile::tempdir().unwrap());
    let user_id = uuid::Uuid::now_v7().to_string();
    let messages = [("user", "Why two tides?"), ("assistant", "The moon."), ("user", "Alone?")];
    insert_flask_conversation(&uri, &uuid::Uuid::new_v4().to_string(), &user_id, &messages).await;
    insert_flask_conversation(&uri, &uuid::Uuid::new_v4().to_string(), &user_id, &[]).await;
    insert_flask_conversation(&uri, &uuid::Uuid::new_v4().to_string(), &user_id, &[("bot2", "?")])
        .await;
    let settings =
        [("AZURE_API_URL", "http://127.0.0.1:9/v1/chat/completions"), ("MONGODB_URI", &uri)];

    let rejected = Process::run_until_exit(dir.path(), &settings).await;
    let dry_run = Process::run_with(&["init-db", "--dry-run"], &settings).await;
    let did = Process::run_with(&["init-db"], &settings).await;
    let again = Process::run_with(&["init-db"], &settings).await;
    let server = Process::start(dir.path(), &settings).await;
    server.kill().await;
    let target_file = dir.path().join("webchat.db");
    let copied =
        Process::run(&["copy", "--from", &uri, "--to", target_file.to_str().unwrap()]).await;

    assert!(
        rejected.stderr.contains("3 conversations of the Flask application in "),
        "{rejected:?}"
    );
    let counts = "migrate 2 conversations of the Flask application, with 3 messages";
    assert!(dry_run.stdout.contains(&format!("would {counts}")), "{dry_run:?}");
    assert!(did.stdout.contains(&format!("done: {counts}")), "{did:?}");
    assert!(
        did.stdout.contains("the role of its conversation_history[0] is missing or unknown"),
        "{did:?}"
    );
    assert!(!again.stdout.contains("migrate") && again.success, "{again:?}");
    assert!(copied.stdout.contains("2 conversations, 3 messages"), "{copied:?}");
}

#[tokio::test]
async fn a_connection_error_does_not_reveal_the_password() {
    let dir = tempfile::tempdir().unwrap();
    let settings = [
        ("AZURE_API_URL", "http://127.0.0.1:9/v1/chat/completions"),
        ("REDIS_URL", "redis://:hunter2@127.0.0.1:1/not-a-number"),
    ];

    let output = Process::run_until_exit(dir.path(), &settings).await;

    assert!(!output.success);
    assert!(!output.stderr.contains("hunter2"), "{output:?}");
    assert!(output.stderr.contains("redis"), "{output:?}");
}

#[tokio::test]
async fn a_full_disk_rejects_writes_and_the_server_recovers() {
    let model = ScriptedModel::start();
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(dir.path(), &[("AZURE_API_URL", model.url())]).await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let mut socket = browser.connect().await;
    socket.ask(&id, "before the disk is full").await;

    server.limit_file_size("200000").await;
    let long = "a long message ".repeat(3_000);
    let rejected = loop {
        socket.send("send_message", json!({"conversation_id": id, "message": long})).await;
        let (name, data) = socket.receive().await;
        match (name.as_str(), data["code"].as_str()) {
            ("error", Some("turn_in_progress" | "rate_limited")) => {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            ("error", _) => break data,
            _ => {}
        }
    };
    let alive = browser.get("/healthz").await;
    server.limit_file_size("unlimited").await;
    let recovered = async {
        loop {
            socket
                .send("send_message", json!({"conversation_id": id, "message": "after the outage"}))
                .await;
            loop {
                let (name, data) = socket.receive().await;
                match (name.as_str(), data["code"].as_str()) {
                    ("message_accepted", _) if data["content"] == json!("after the outage") => {
                        return;
                    }
                    ("error", Some("turn_in_progress" | "storage_unavailable")) => break,
                    _ => {}
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };

    assert_eq!(rejected["code"], json!("storage_unavailable"), "{rejected}");
    assert_eq!(alive.status, 200);
    tokio::time::timeout(webchat_tests::TIMEOUT, recovered)
        .await
        .expect("the server did not recover");
    let loaded = browser.get(&format!("/load_conversation/{id}")).await.json();
    assert_eq!(loaded["conversation"][0]["content"], json!("before the disk is full"));
}
