//! The audit log: what is in it, what is not, and how changes of it are found.

use std::fs;
use std::path::Path;

use futures_util::future::join_all;
use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};
use webchat_tests::{Browser, Process, ProcessOutput, ScriptedModel, mongodb_uri, redis_url};

use super::account_server::{PASSWORD, add, post, sign_in};

const CHAT_TEXT: &str = "the canary of the chat";

async fn audit(dir: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> ProcessOutput {
    Process::run_in(dir, &[&["audit"], arguments].concat(), settings).await
}

/// Returns all entries, the oldest first.
async fn entries(dir: &Path, settings: &[(&str, &str)]) -> Vec<Value> {
    let listed = audit(dir, &["list", "--format", "json"], settings).await;
    assert!(listed.success, "{listed:?}");
    let mut entries: Vec<Value> =
        listed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    entries.reverse();
    entries
}

fn describe(entry: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let (actor, subject) = (&entry["actor"], &entry["subject"]);
    format!(
        "{} of {} by {} via {}",
        text(&entry["action"]),
        text(&subject["name"]),
        text(&actor["name"]),
        text(&actor["via"])
    )
}

/// Does what the log must record, and returns what it must not contain.
async fn use_account(process: &Process) -> Vec<String> {
    let alice = process.browser();
    sign_in(&alice, "alice", "a wrong password").await;
    sign_in(&alice, PASSWORD, "a wrong password").await;
    let signed_in = sign_in(&alice, "alice", PASSWORD).await;
    let new = json!({"name": "a secret name", "scopes": ["chat"], "password": PASSWORD});
    let added = alice.send(alice.request(Method::POST, "/api/v1/me/keys").json(&new)).await.json();
    let secret = added["secret"].as_str().unwrap();
    ask(&alice.with_key(secret)).await;
    let key_path = format!("/api/v1/me/keys/{}", added["key_id"].as_str().unwrap());
    assert_eq!(alice.delete(&key_path).await.status, 204);
    assert_eq!(post(&alice, "sign-out", json!({})).await.status, 204);
    let cookie = signed_in.header("set-cookie").split(['=', ';']).nth(1).unwrap().to_owned();
    let secrets = [PASSWORD, "a wrong password", secret, CHAT_TEXT, "a secret name"];
    [cookie].into_iter().chain(secrets.map(str::to_owned)).collect()
}

async fn ask(program: &Browser) {
    let started = program.post("/api/v1/conversations").await.json();
    let path =
        format!("/api/v1/conversations/{}/messages", started["conversation_id"].as_str().unwrap());
    let request = program.request(Method::POST, &path).json(&json!({"message": CHAT_TEXT}));
    assert!(program.send(request).await.status.is_success());
}

#[tokio::test]
async fn what_users_and_operators_do_is_recorded_without_secrets_and_texts() {
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let file = dir.path().join("audit.jsonl");
    add(&[("DATA_DIR", dir.path().to_str().unwrap())], "alice").await;
    let role = Process::run_in(dir.path(), &["user", "role", "alice", "auditor"], &[]).await;
    let settings = [
        ("AZURE_API_URL", model.url()),
        ("AUTH", "required"),
        ("AUDIT_FILE", file.to_str().unwrap()),
    ];
    let mut process = Process::start(dir.path(), &settings).await;

    let secrets = use_account(&process).await;

    process.terminate().await;
    assert!(process.wait_for_exit().await);
    let entries = entries(dir.path(), &[]).await;
    let expected = [
        "account_added of alice by - via command_line",
        "role_changed of alice by - via command_line",
        "sign_in_failed of alice by - via anonymous",
        "sign_in_failed of - by - via anonymous",
        "sign_in of alice by alice via session",
        "key_added of alice by alice via session",
        "key_revoked of alice by alice via session",
        "sign_out of alice by alice via session",
    ];
    assert!(role.stdout.contains("alice (auditor)"), "{role:?}");
    assert_eq!(entries.iter().map(describe).collect::<Vec<_>>(), expected);
    assert_eq!(entries[1]["details"], json!({"role": "auditor"}));
    assert_eq!(entries[5]["details"]["scopes"], json!(["chat"]));
    for entry in &entries[2..] {
        let actor = &entry["actor"];
        assert_eq!(actor["address"], "127.0.0.1", "{entry}");
        assert_eq!(actor["request_id"].as_str().map(str::len), Some(36), "{entry}");
    }
    let failed_request = entries[2]["actor"]["request_id"].as_str().unwrap();
    assert!(process.log().contains(failed_request), "{}", process.log());
    let lines = fs::read_to_string(&file).unwrap();
    let written: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(written, entries[2..], "the file has other entries than the database");
    let text = audit(dir.path(), &["list"], &[]).await.stdout;
    let json = serde_json::to_string(&entries).unwrap();
    for secret in secrets {
        assert!(![&json, &lines, &text].iter().any(|log| log.contains(&secret)), "{secret}");
        assert!(!process.log().contains(&secret), "{secret}");
    }
    assert!(!process.log().contains("key_added"), "the entries are in the ordinary log");
}

#[tokio::test]
async fn entries_are_also_written_to_standard_output() {
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    add(&[("DATA_DIR", dir.path().to_str().unwrap())], "alice").await;
    let settings = [("AZURE_API_URL", model.url()), ("AUTH", "required"), ("AUDIT_FILE", "-")];
    let mut process = Process::start(dir.path(), &settings).await;

    sign_in(&process.browser(), "alice", PASSWORD).await;

    let line = process.next_line().await.unwrap();
    process.terminate().await;
    assert_eq!(process.next_line().await, None, "one entry is one line");
    assert!(process.wait_for_exit().await);
    let written: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(describe(&written), "sign_in of alice by alice via session");
    assert_eq!(Some(&written), entries(dir.path(), &[]).await.last());
    assert!(!dir.path().join("-").exists());
    assert!(!process.log().contains("sign_in"), "{}", process.log());
}

#[tokio::test]
async fn a_change_of_the_database_is_found() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["alice", "bob", "carol", "dave"] {
        add(&[("DATA_DIR", dir.path().to_str().unwrap())], name).await;
    }
    let verify = async |change: &str| {
        let copy = tempfile::tempdir().unwrap();
        let database = Connection::open(dir.path().join("webchat.db")).unwrap();
        let path = copy.path().join("webchat.db");
        database.execute("VACUUM INTO ?1", [path.to_str().unwrap()]).unwrap();
        Connection::open(path).unwrap().execute_batch(change).unwrap();
        audit(copy.path(), &["verify"], &[]).await
    };

    let intact = verify("").await;
    assert!(intact.success && intact.stdout.starts_with("4 entries are intact"), "{intact:?}");
    for (change, number) in [
        ("UPDATE audit_entries SET subject_name = 'eve' WHERE number = 2", 2),
        ("UPDATE audit_entries SET details = '{\"role\":\"admin\"}' WHERE number = 3", 3),
        ("UPDATE audit_entries SET action = 'nothing' WHERE number = 3", 3),
        ("UPDATE audit_entries SET at = at + 1, hash = previous_hash WHERE number = 1", 1),
        ("DELETE FROM audit_entries WHERE number = 2", 2),
        ("DELETE FROM audit_entries WHERE number = 4", 4),
        (
            "UPDATE audit_entries SET number = 9 WHERE number = 2;
             UPDATE audit_entries SET number = 2 WHERE number = 3;
             UPDATE audit_entries SET number = 3 WHERE number = 9;",
            2,
        ),
    ] {
        let broken = verify(change).await;
        let message = format!("entry {number} of the audit log was changed");
        assert!(!broken.success && broken.stderr.contains(&message), "{change}: {broken:?}");
    }
}

/// On two instances, with a log that was copied from SQLite.
#[tokio::test]
async fn instances_continue_one_chain() {
    let (model, uri, redis) = (ScriptedModel::start(), mongodb_uri(), redis_url());
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let data_dir = dirs[0].path().to_str().unwrap();
    add(&[("DATA_DIR", data_dir)], "alice").await;
    let copied = Process::run(&["copy", "--from", data_dir, "--to", &uri]).await;
    let stores = [("MONGODB_URI", uri.as_str()), ("REDIS_URL", redis.as_str())];
    let settings = [
        ("AZURE_API_URL", model.url()),
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
        ("AUTH", "required"),
        stores[0],
        stores[1],
    ];
    let one = Process::start(dirs[0].path(), &settings).await;
    let two = Process::start(dirs[1].path(), &settings).await;
    let browsers: Vec<_> = [&one, &two].repeat(4).into_iter().map(Process::browser).collect();

    let signed_in = join_all(browsers.iter().map(|alice| sign_in(alice, "alice", PASSWORD))).await;
    let role = Process::run_in(dirs[0].path(), &["user", "role", "alice", "admin"], &stores).await;

    assert!(copied.success && role.success, "{copied:?} {role:?}");
    assert!(signed_in.iter().all(|response| response.status == 200));
    let entries = entries(dirs[0].path(), &stores).await;
    let actions: Vec<_> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    let signed_in = ["sign_in"; 8];
    assert_eq!(actions, [&["account_added"], &signed_in[..], &["role_changed"]].concat());
    let verified = audit(dirs[0].path(), &["verify"], &stores).await;
    assert!(verified.stdout.starts_with("10 entries are intact"), "{verified:?}");
}
