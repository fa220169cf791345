//! Nothing of an erased user is found in the stores and files any more, except in the audit log. Events in Redis of a
//! conversation that the user had deleted before expire an hour later.

use std::fs;
use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use webchat_domain::{AccountName, AccountRole, Identity, IdentityKey, Timestamp};
use webchat_persistence::{Accounts, Identities};
use webchat_persistence_mongo::{MongoDatabase, MongoStore, flask_user_id};
use webchat_persistence_sqlite::SqliteStore;
use webchat_tests::{
    Browser, Process, Redis, ScriptedModel, TIMEOUT, dump_mongodb, insert_flask_conversation,
    mongodb_uri,
};

use super::{erase, receipt, user_id};
use crate::security::account_server::{PASSWORD, add, add_with_role, sign_in};

/// The beginning of each text that must not be found. Neither stemming nor folding changes it.
const CANARY: &str = "kanarienq";

/// The name of the erased user, which only the audit log may contain.
const NAME: &str = "carola";

/// Stores the canary in everything that a user can store.
async fn store_canaries(browser: &Browser, model: &ScriptedModel) {
    let id = fill_conversation(browser, model).await;
    let edit = json!({"title": format!("{CANARY} title")});
    assert_eq!(browser.patch(&format!("/api/v1/conversations/{id}"), &edit).await.status, 200);
    let settings = json!({"system_prompt": format!("{CANARY} settings")});
    assert_eq!(browser.patch("/api/v1/me/settings", &settings).await.status, 200);
    let key = json!({"name": format!("{CANARY} key"), "scopes": ["read"], "password": PASSWORD});
    let keys = browser.request(Method::POST, "/api/v1/me/keys").json(&key);
    assert_eq!(browser.send(keys).await.status, 201);
    let found = browser.get(&format!("/api/v1/search?q={CANARY}")).await.json();
    assert!(found.to_string().contains(CANARY), "{found}");
}

/// Starts a conversation with messages, a context, a saved file and an analysed file.
async fn fill_conversation(browser: &Browser, model: &ScriptedModel) -> String {
    let id = browser.start_conversation().await;
    let answer = model.next_answer();
    answer.send_reasoning(&format!("{CANARY} reasoning"));
    answer.send(&format!("{CANARY} answer"));
    answer.finish();
    let path = |rest: &str| format!("/api/v1/conversations/{id}/{rest}");
    // The long one takes several pages of a database file.
    let long = format!("{CANARY}long ").repeat(2_000);
    for message in [format!("{CANARY} question"), long] {
        let question = browser.request(Method::POST, &path("messages"));
        let answer = browser.send(question.json(&json!({"message": message}))).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let context = json!({"system_prompt": format!("{CANARY} prompt")});
    assert_eq!(browser.patch(&path("context"), &context).await.status, 200);
    let example = json!({"user_prompt": format!("{CANARY} example"), "assistant_response": CANARY});
    let examples = browser.request(Method::POST, &path("few_shot_examples")).json(&example);
    assert_eq!(browser.send(examples).await.status, 201);
    assert_eq!(browser.post(&path("save")).await.status, 201);
    let name = format!("{CANARY}.txt");
    let text = format!("{CANARY} file ").repeat(200);
    let job = browser.upload(&path("files"), &name, text.as_bytes()).await;
    assert_eq!(job.status, 202, "{}", job.text);
    let job = path(&format!("files/{}", job.json()["job_id"].as_str().unwrap()));
    let wait = async {
        while browser.get(&job).await.json()["status"] != json!("complete") {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(TIMEOUT, wait).await.unwrap();
    id
}

/// An identity whose subject and issuer contain canaries.
async fn link(store: &(impl Accounts + Identities)) {
    let name: AccountName = NAME.parse().unwrap();
    let user_id = store.find_by_name(name).await.unwrap().unwrap().user_id;
    let key = IdentityKey {
        issuer: "https://login.example.org".to_owned(),
        subject: format!("{CANARY}@example.org"),
    };
    let created_at = Timestamp::from_unix_millis(1_767_323_045_000);
    let identity = Identity { key, user_id, granted_role: None, created_at };
    store.link_identity(identity, None).await.unwrap().unwrap();
}

/// Stores the canary in a conversation that the user deletes.
async fn delete_canaries(process: &Process, model: &ScriptedModel) {
    let browser = process.browser();
    assert_eq!(sign_in(&browser, NAME, PASSWORD).await.status, 200);
    let deleted = fill_conversation(&browser, model).await;
    assert_eq!(browser.delete(&format!("/api/v1/conversations/{deleted}")).await.status, 204);
}

/// Signs both users in, stores the canaries, and erases their user. Returns the receipt.
async fn fill_and_erase(process: &Process, model: &ScriptedModel) -> Value {
    let [user, admin] = [NAME, "ada"].map(|name| (process.browser(), name));
    for (browser, name) in [&user, &admin] {
        assert_eq!(sign_in(browser, name, PASSWORD).await.status, 200);
    }
    let (user, admin) = (user.0, admin.0);
    store_canaries(&user, model).await;
    let user_id = user_id(&admin, NAME).await;
    let erasure = erase(&admin, &user_id).await;
    assert_eq!(erasure.status, 202, "{}", erasure.text);
    let location = erasure.header("location").to_owned();
    assert!(location.ends_with(erasure.json()["erasure_id"].as_str().unwrap()), "{location}");
    receipt(&admin, &erasure.json()).await
}

fn expected_counts(conversations: u64, messages: u64) -> Value {
    json!({
        "conversations": conversations, "messages": messages, "files": 1, "saved_files": 1, "api_keys": 1,
        "identities": 1,
    })
}

/// Returns the files below a directory that contain a text.
fn files_with(dir: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if contains(&fs::read(&path).unwrap(), text) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}

/// Returns the tables of the database with a row that contains one of these texts.
fn tables_with(database: &Path, texts: &[&str]) -> Vec<String> {
    let database = Connection::open(database).unwrap();
    let mut tables = database
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%vocabulary' ORDER BY name")
        .unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let has_text = |table: &String| {
        let mut rows = database.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let columns = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                let (ValueRef::Text(bytes) | ValueRef::Blob(bytes)) = row.get_ref(column).unwrap()
                else {
                    continue;
                };
                if texts.iter().any(|text| contains(bytes, text)) {
                    return true;
                }
            }
        }
        false
    };
    tables.map(Result::unwrap).filter(has_text).collect()
}

#[tokio::test]
async fn sqlite_and_the_files_contain_nothing_of_an_erased_user_except_the_audit_log() {
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let variables = [("DATA_DIR", dir.path().to_str().unwrap())];
    add_with_role(&variables, "ada", AccountRole::Admin).await;
    add(&variables, NAME).await;
    let database = dir.path().join("webchat.db");
    link(&SqliteStore::open(&database).await.unwrap()).await;
    let settings = [("AZURE_API_URL", model.url()), ("AUTH", "required")];
    let process = Process::start(dir.path(), &settings).await;

    delete_canaries(&process, &model).await;
    let receipt = fill_and_erase(&process, &model).await;

    assert_eq!(receipt["counts"], expected_counts(1, 6));
    assert_eq!(files_with(dir.path(), CANARY), [""; 0]);
    let user_id = receipt["user_id"].as_str().unwrap();
    let simple = user_id.replace('-', "");
    assert_eq!(tables_with(&database, &[NAME]), ["audit_entries"]);
    // The search index has only the second half.
    let (_, digits) = simple.split_at(16);
    let texts = [user_id, &simple, digits];
    assert_eq!(tables_with(&database, &texts), ["audit_entries", "erasures"]);
    assert_eq!(files_with(dir.path(), NAME), [database.display().to_string()]);
    assert_eq!(files_with(dir.path(), user_id), [""; 0]);
}

#[tokio::test]
async fn mongodb_and_redis_contain_nothing_of_an_erased_user_except_the_audit_log() {
    let (model, redis, uri) = (ScriptedModel::start(), Redis::start().await, mongodb_uri());
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (url, legacy) = (redis.url(), format!("{CANARY}@flask.example"));
    let settings = [
        ("AZURE_API_URL", model.url()),
        ("AUTH", "required"),
        ("MONGODB_URI", &uri),
        ("REDIS_URL", &url),
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
    ];
    let text = format!("{CANARY} of the Flask application");
    let messages = [("user", text.as_str()), ("assistant", text.as_str())];
    insert_flask_conversation(&uri, "b0b7e60c-5ed4-4c3a-8ee8-3d9b2c1f0a11", &legacy, &messages)
        .await;
    let variables = [("DATA_DIR", dirs[0].path().to_str().unwrap())];
    let stores = [&variables, &settings[2..4]].concat();
    let converted = Process::run_in(dirs[0].path(), &["init-db"], &settings).await;
    assert!(converted.success, "{converted:?}");
    add_with_role(&stores, "ada", AccountRole::Admin).await;
    add(&stores, NAME).await;
    let adopt = ["user", "adopt", NAME, "--legacy-id", &legacy];
    let adopted = Process::run_in(dirs[0].path(), &adopt, &settings).await;
    assert!(adopted.success, "{adopted:?}");
    let database = MongoDatabase::connect(&uri).await.unwrap();
    link(&MongoStore::new(database.clone())).await;
    database.close().await;
    let process = Process::start(dirs[0].path(), &settings).await;

    let receipt = fill_and_erase(&process, &model).await;

    assert_eq!(receipt["counts"], expected_counts(2, 8));
    assert_eq!(receipt["user_id"], json!(flask_user_id(&legacy)));
    assert_eq!(files_with(dirs[0].path(), CANARY), [""; 0]);
    let documents = dump_mongodb(&uri).await;
    let collections = |texts: &[&str]| {
        let found = documents
            .iter()
            .filter(|(_, document)| texts.iter().any(|text| contains(document.as_bytes(), text)));
        let mut found: Vec<&str> = found.map(|(collection, _)| collection.as_str()).collect();
        found.sort_unstable();
        found.dedup();
        found
    };
    let user_id = receipt["user_id"].as_str().unwrap();
    assert_eq!(collections(&[CANARY]), [""; 0]);
    assert_eq!(collections(&[NAME]), ["audit_entries"]);
    assert_eq!(collections(&[user_id]), ["audit_entries", "erasures"]);
    let keys = redis.dump().await;
    let simple = user_id.replace('-', "");
    for text in [CANARY, NAME, user_id, &simple] {
        assert!(!contains(keys.as_bytes(), text), "{text}: {keys}");
    }
}
