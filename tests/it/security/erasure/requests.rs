//! Who may erase whom, and what happens meanwhile.

use std::time::{Duration, Instant};

use reqwest::Method;
use rusqlite::Connection;
use serde_json::json;
use tokio::time::{sleep, timeout};
use webchat_domain::AccountRole;
use webchat_tests::{Process, ScriptedModel, TIMEOUT, mongodb_uri, redis_url};

use super::{erase, erase_me, receipt, user_id};
use crate::security::account_server::{
    AccountServer, PASSWORD, add, add_with_role, expect_close, listed, sign_in,
};

const USERS: [(&str, AccountRole); 3] =
    [("ada", AccountRole::Admin), ("otto", AccountRole::Auditor), ("alice", AccountRole::User)];

async fn start() -> AccountServer {
    AccountServer::with_users(&USERS, &[("AUTH", "required")]).await
}

#[tokio::test]
async fn users_delete_their_account_with_their_password_and_never_with_a_key() {
    let server = start().await;
    let (ada, alice) = (server.signed_in("ada").await, server.signed_in("alice").await);
    let other_browser = server.signed_in("alice").await;
    alice.start_conversation().await;
    let key = json!({"name": "a program", "scopes": ["read", "chat"], "password": PASSWORD});
    let added = alice.send(alice.request(Method::POST, "/api/v1/me/keys").json(&key)).await.json();
    let program = alice.with_key(added["secret"].as_str().unwrap());

    let with_key = erase_me(&program, json!({"password": PASSWORD})).await;
    let without_password = erase_me(&alice, json!({})).await;
    let wrong = erase_me(&alice, json!({"password": "another password"})).await;
    let erased = erase_me(&alice, json!({"password": PASSWORD})).await;

    assert_eq!(with_key.status_and_code(), (403, "forbidden".to_owned()));
    assert_eq!(without_password.status_and_code(), (401, "wrong_credentials".to_owned()));
    assert_eq!(wrong.status_and_code(), (401, "wrong_credentials".to_owned()));
    assert_eq!(erased.status, 202, "{}", erased.text);
    for browser in [&alice, &other_browser] {
        let refused = browser.get("/api/v1/conversations").await;
        assert_eq!(refused.status_and_code(), (401, "authentication_required".to_owned()));
    }
    assert_eq!(program.get("/api/v1/conversations").await.status, 401);
    let receipt = receipt(&ada, &erased.json()).await;
    assert_eq!(receipt["counts"]["conversations"], json!(1));
    let again = sign_in(&server.browser(), "alice", PASSWORD).await;
    assert_eq!(again.status_and_code(), (401, "wrong_credentials".to_owned()));
    let entries = ada.get("/api/v1/admin/audit?action=account_erased").await.json();
    assert_eq!(entries["entries"].as_array().unwrap().len(), 1, "{entries}");
    assert_eq!(entries["entries"][0]["subject"]["name"], json!("alice"));
    assert_eq!(entries["entries"][0]["details"]["erasure_id"], receipt["erasure_id"]);
}

#[tokio::test]
async fn the_last_administrator_stays_and_a_missing_user_is_not_found() {
    let server = start().await;
    let ada = server.signed_in("ada").await;
    let own_id = user_id(&ada, "ada").await;

    let by_admin = erase(&ada, &own_id).await;
    let by_herself = erase_me(&ada, json!({"password": PASSWORD})).await;
    let missing = erase(&ada, "00000000-0000-4000-8000-000000000000").await;

    assert_eq!(by_admin.status_and_code(), (409, "last_admin".to_owned()));
    assert_eq!(by_herself.status_and_code(), (409, "last_admin".to_owned()));
    assert_eq!(missing.status_and_code(), (404, "account_not_found".to_owned()));
    assert_eq!(ada.get("/api/v1/admin/erasures").await.json()["erasures"], json!([]));
}

#[tokio::test]
async fn running_answers_stop_and_a_deleted_account_cannot_be_enabled() {
    let server = start().await;
    let (ada, alice) = (server.signed_in("ada").await, server.signed_in("alice").await);
    let id = alice.start_conversation().await;
    let answer = server.model.next_answer();
    let mut socket = alice.connect().await;
    socket.send("send_message", json!({"conversation_id": id, "message": "Tides?"})).await;
    answer.send("The moon ");
    socket.receive_until("response_chunk").await;
    let alice_id = user_id(&ada, "alice").await;

    let erasure = erase(&ada, &alice_id).await;
    let again = erase(&ada, &alice_id).await;
    let path = format!("/api/v1/admin/users/{alice_id}");
    let enabled = ada.patch(&path, &json!({"disabled": false})).await;

    assert_eq!((erasure.status, again.status), (erasure.status, erasure.status));
    assert_eq!(again.json(), erasure.json(), "the same erasure");
    assert_eq!(enabled.status_and_code(), (409, "account_being_erased".to_owned()));
    answer.wait_for_disconnect().await;
    expect_close(&mut socket).await;
    receipt(&ada, &erasure.json()).await;
    assert_eq!(ada.get(&path).await.status, 404);
}

#[tokio::test]
async fn an_erasure_survives_kills() {
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let variables = [("DATA_DIR", dir.path().to_str().unwrap())];
    add_with_role(&variables, "ada", AccountRole::Admin).await;
    add(&variables, "alice").await;
    let settings = [("AZURE_API_URL", model.url()), ("AUTH", "required")];
    let process = Process::start(dir.path(), &settings).await;
    let [ada, alice] = [process.browser(), process.browser()];
    sign_in(&ada, "ada", PASSWORD).await;
    sign_in(&alice, "alice", PASSWORD).await;
    for _ in 0..30 {
        alice.start_conversation().await;
    }
    let erasure = erase(&ada, &user_id(&ada, "alice").await).await.json();
    process.kill().await;

    // It takes 5 s at least.
    for milliseconds in [300, 2_000, 5_200] {
        let process = Process::start(dir.path(), &settings).await;
        sleep(Duration::from_millis(milliseconds)).await;
        process.kill().await;
    }
    let process = Process::start(dir.path(), &settings).await;
    let ada = process.browser_with_cookies_of(&ada);

    let receipt = receipt(&ada, &erasure).await;
    assert_eq!(receipt["counts"]["conversations"], json!(30));
    assert_eq!(sign_in(&process.browser(), "alice", PASSWORD).await.status, 401);
}

#[tokio::test]
async fn all_instances_close_the_connections_of_a_deleted_account_and_any_completes_the_erasure() {
    let (model, uri, url) = (ScriptedModel::start(), mongodb_uri(), redis_url());
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let settings = [
        ("AZURE_API_URL", model.url()),
        ("AUTH", "required"),
        ("MONGODB_URI", uri.as_str()),
        ("REDIS_URL", url.as_str()),
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
    ];
    add_with_role(&settings[2..4], "ada", AccountRole::Admin).await;
    add(&settings[2..4], "alice").await;
    let (a, b) = tokio::join!(
        Process::start(dirs[0].path(), &settings),
        Process::start(dirs[1].path(), &settings)
    );
    let (ada, alice) = (a.browser(), b.browser());
    sign_in(&ada, "ada", PASSWORD).await;
    sign_in(&alice, "alice", PASSWORD).await;
    alice.start_conversation().await;
    let mut socket = alice.connect().await;

    let started = Instant::now();
    let erasure = erase(&ada, &user_id(&ada, "alice").await).await.json();
    expect_close(&mut socket).await;
    let closed_after = started.elapsed();
    a.kill().await;
    let ada_at_b = b.browser_with_cookies_of(&ada);

    assert!(closed_after < Duration::from_secs(2), "{closed_after:?}");
    let receipt = receipt(&ada_at_b, &erasure).await;
    assert_eq!(receipt["counts"]["conversations"], json!(1));
}

#[tokio::test]
async fn the_command_line_erases_and_erases_again_after_a_restored_backup() {
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let variables = [("DATA_DIR", dir.path().to_str().unwrap())];
    add_with_role(&variables, "ada", AccountRole::Admin).await;
    add(&variables, "alice").await;
    let database = dir.path().join("webchat.db");
    let backup = dir.path().join("backup.db");
    // Unlike a copy of the file, it has what is still in the write-ahead log.
    let connection = Connection::open(&database).unwrap();
    connection.execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
    drop(connection);
    let run = async |arguments: &[&str]| Process::run_in(dir.path(), arguments, &[]).await;

    let unconfirmed = run(&["user", "erase", "alice"]).await;
    let refused = run(&["user", "erase", "ada", "--yes"]).await;
    let erased = run(&["user", "erase", "alice", "--yes"]).await;
    let list = run(&["erasures", "list", "--format", "json"]).await;
    let list_file = dir.path().join("erasures.jsonl");
    std::fs::write(&list_file, &list.stdout).unwrap();
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(dir.path().join(format!("webchat.db{suffix}")));
    }
    std::fs::copy(&backup, &database).unwrap();
    let restored = run(&["user", "list"]).await;
    let replay = ["erasures", "replay", list_file.to_str().unwrap()];
    let replayed = run(&replay).await;
    let again = run(&replay).await;
    let listed: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
    let other_id = "00000000-0000-4000-8000-000000000000";
    let of_another = list.stdout.replace(listed["user_id"].as_str().unwrap(), other_id);
    std::fs::write(&list_file, of_another).unwrap();
    let other_user = run(&replay).await;

    assert!(
        !unconfirmed.success && unconfirmed.stderr.contains("not confirmed"),
        "{unconfirmed:?}"
    );
    assert!(!refused.success && refused.stderr.contains("last administrator"), "{refused:?}");
    assert!(erased.success && erased.stdout.contains("erased alice"), "{erased:?}");
    assert_eq!(list.stdout.lines().count(), 1, "{list:?}");
    assert!(restored.stdout.contains("alice"), "{restored:?}");
    assert!(replayed.success && again.success, "{replayed:?} {again:?}");
    assert!(!other_user.success, "{other_user:?}");
    assert!(other_user.stdout.contains("receipt with this id for another user"), "{other_user:?}");
    let process =
        Process::start(dir.path(), &[("AZURE_API_URL", model.url()), ("AUTH", "required")]).await;
    let ada = process.browser();
    sign_in(&ada, "ada", PASSWORD).await;
    let users = ada.get("/api/v1/admin/users").await.json();
    assert_eq!(users["users"].as_array().unwrap().len(), 1, "{users}");
    let receipts = ada.get("/api/v1/admin/erasures?limit=1").await.json();
    assert_eq!(receipts["erasures"][0]["erasure_id"], listed["erasure_id"]);
}

#[tokio::test]
async fn an_export_contains_the_account_without_secrets_and_can_be_imported() {
    let server = start().await;
    let alice = server.signed_in("alice").await;
    alice.patch("/api/v1/me/settings", &json!({"system_prompt": "Be brief."})).await;
    let key = json!({"name": "a program", "scopes": ["read"], "password": PASSWORD});
    let added = alice.send(alice.request(Method::POST, "/api/v1/me/keys").json(&key)).await.json();
    let id = alice.start_conversation().await;
    let question = alice.request(Method::POST, &format!("/api/v1/conversations/{id}/messages"));
    assert_eq!(alice.send(question.json(&json!({"message": "Tides?"}))).await.status, 200);

    let export = alice.get("/api/v1/export").await;

    let account = &export.json()["account"];
    assert_eq!(account["name"], json!("alice"));
    assert_eq!(account["settings"]["system_prompt"]["text"], json!("Be brief."), "{account}");
    assert_eq!(account["api_keys"][0]["name"], json!("a program"));
    assert_eq!(account["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(account["identities"], json!([]));
    for secret in ["argon2", added["secret"].as_str().unwrap(), "hash"] {
        assert!(!export.text.contains(secret), "{secret}: {account}");
    }
    let otto = server.signed_in("otto").await;
    let form = [("file", Some("export.json"), export.text.as_bytes())];
    let imported = otto.post_form("/api/v1/imports", &form).await;
    assert!(imported.status.is_success(), "{}", imported.text);
    let wait = async {
        while listed(&otto).await == 0 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(TIMEOUT, wait).await.unwrap();
}
