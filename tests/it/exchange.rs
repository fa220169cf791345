//! Conversations are taken away and brought.

use std::fmt::Write;
use std::fs;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method};
use serde_json::{Value, json};
use tokio::time::sleep;
use webchat_chat::{ImportOwner, ImportTarget, export_all_users, export_user, import};
use webchat_domain::{
    Context, Conversation, ConversationId, FewShotExample, Message, MessageId, MessageStatus,
    Problem, Role, Summary, SummaryAuthor, SystemPrompt, Timestamp, Title, UserId,
};
use webchat_persistence::{ConversationArchive, StoredConversation, StoredMessage};
use webchat_persistence_mongo::{MongoDatabase, MongoStore, Schema};
use webchat_persistence_sqlite::SqliteStore;
use webchat_tests::{Answer, Browser, Process, ScriptedModel, TestServer, mongodb_uri};
use webchat_tokens::TokenCounter;

const CHATGPT: &str = include_str!("../fixtures/chatgpt-conversations.json");

async fn post_import(browser: &Browser, body: impl Into<Body>) -> Answer {
    browser.send(browser.request(Method::POST, "/api/v1/imports").body(body)).await
}

/// Imports the file, and waits for the end.
async fn import_file(browser: &Browser, file: &str) -> Value {
    let started = post_import(browser, file.to_owned()).await;
    assert_eq!(started.status, 202, "{started:?}");
    ended(browser, &started.json()).await
}

async fn ended(browser: &Browser, import: &Value) -> Value {
    let path = format!("/api/v1/imports/{}", import["import_id"].as_str().unwrap());
    loop {
        let status = browser.get(&path).await.json();
        if status["status"] != json!("running") {
            return status;
        }
        // No faster than a session may ask.
        sleep(Duration::from_millis(25)).await;
    }
}

fn counts(import: &Value) -> (&str, u64, u64, u64) {
    let number = |name: &str| import[name].as_u64().unwrap();
    let status = import["status"].as_str().unwrap();
    (status, number("imported"), number("already_there"), number("messages"))
}

async fn listed(browser: &Browser) -> Vec<Value> {
    let list = browser.get("/api/v1/conversations").await.json();
    list["conversations"].as_array().unwrap().clone()
}

async fn visible(browser: &Browser, conversation: &Value) -> Vec<String> {
    let id = conversation["conversation_id"].as_str().unwrap();
    let page = browser.get(&format!("/api/v1/conversations/{id}/messages")).await.json();
    let messages = page["messages"].as_array().unwrap().iter();
    messages.map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

/// A file with one id after the other replaced by its number, to compare what has other ids.
fn with_numbers(file: &str) -> String {
    let mut text = file.to_owned();
    let ids = file.split('"').filter(|part| uuid::Uuid::try_parse(part).is_ok());
    let mut known: Vec<&str> = Vec::new();
    for id in ids.filter(|id| id.len() == 36) {
        if !known.contains(&id) {
            known.push(id);
            text = text.replace(id, &format!("#{}", known.len()));
        }
    }
    text
}

#[tokio::test]
async fn a_conversation_is_taken_away_in_each_form() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;
    socket.ask(&id, "Tides?\n```\nlet tide").await;
    let saved = browser.post("/save_history").await.json();
    let name = saved["file_name"].as_str().unwrap();
    let saved = browser.get(&format!("/saved_conversations/{name}")).await.text;
    let path = format!("/api/v1/conversations/{id}/export");

    let whole = browser.get(&path).await;
    let readable = browser.get(&format!("{path}?format=markdown")).await;
    let flask = browser.get(&format!("{path}?format=flask")).await;
    let unknown = browser.get(&format!("{path}?format=pdf")).await;

    assert_eq!(whole.header("content-type"), "application/json");
    assert_eq!(whole.header("x-content-type-options"), "nosniff");
    let attachment = whole.header("content-disposition");
    assert!(attachment.starts_with("attachment; filename=\"webchat-"), "{attachment}");
    assert!(attachment.ends_with(&format!("-{id}.json\"")), "{attachment}");
    let messages = &whole.json()["conversations"][0]["messages"];
    assert_eq!(messages[1]["parent_id"], messages[0]["message_id"]);
    assert!(readable.header("content-type").starts_with("text/markdown"));
    assert!(readable.text.starts_with("# Tides?"), "{}", readable.text);
    let (question, answer) = readable.text.split_once("**Assistant**").unwrap();
    assert!(question.ends_with("let tide\n```\n\n---\n\n"), "the fence is closed: {question}");
    assert!(answer.contains("You said: Tides?"), "{answer}");
    assert_eq!(flask.text, saved);
    assert!(flask.header("content-disposition").contains("_conversation_history.json"));
    assert_eq!(unknown.refusal(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn ones_own_export_changes_nothing_and_brings_back_what_was_deleted_once() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let (kept, deleted) = (browser.start_conversation().await, browser.start_conversation().await);
    socket.ask(&kept, "kept").await;
    socket.ask(&deleted, "deleted").await;
    let file = browser.get("/api/v1/export").await.text;

    let nothing_new = import_file(&browser, &file).await;
    let unchanged = browser.get("/api/v1/export").await.text;
    browser.delete(&format!("/api/v1/conversations/{deleted}")).await;
    let back = import_file(&browser, &file).await;
    let again = import_file(&browser, &file).await;

    assert_eq!(counts(&nothing_new), ("complete", 0, 2, 0));
    assert_eq!(unchanged, file);
    assert_eq!(counts(&back), ("complete", 1, 1, 2));
    assert_eq!(counts(&again), ("complete", 0, 2, 0));
    let listed = listed(&browser).await;
    assert_eq!(listed.len(), 2);
    let back = listed.iter().find(|one| one["title"] == json!("deleted")).unwrap();
    assert_ne!(back["conversation_id"], json!(deleted));
    assert_eq!(visible(&browser, back).await, ["deleted", "You said: deleted"]);
    let again = browser.get("/api/v1/export").await.text;
    assert_eq!(with_numbers(&again), with_numbers(&file), "all of it came back");
}

#[tokio::test]
async fn what_a_stranger_exported_becomes_a_copy_and_tells_nothing() {
    let server = TestServer::start().await;
    let (owner, mut socket) = server.socket().await;
    let (thief, stranger) = (server.browser(), server.browser());
    stranger.start_conversation().await;
    let id = owner.start_conversation().await;
    socket.ask(&id, "mine").await;
    let file = owner.get("/api/v1/export").await.text;

    let started = post_import(&thief, file.replace("mine", "forged")).await.json();
    let import = ended(&thief, &started).await;
    let path = format!("/api/v1/imports/{}", import["import_id"].as_str().unwrap());
    let seen = stranger.get(&path).await;
    let unknown = thief.get("/api/v1/imports/nonsense").await;

    assert_eq!(counts(&import), ("complete", 1, 0, 2));
    assert_eq!(owner.get("/api/v1/export").await.text, file);
    let copy = listed(&thief).await.remove(0);
    assert_ne!(copy["conversation_id"], json!(id));
    assert_eq!(visible(&thief, &copy).await[0], "forged");
    assert_eq!(thief.get(&format!("/api/v1/conversations/{id}")).await.status, 404);
    assert_eq!(seen.refusal(), (404, "import_not_found".to_owned()));
    assert_eq!(unknown.refusal(), (404, "import_not_found".to_owned()));
    assert_eq!(
        stranger.get("/api/v1/export").await.json()["conversations"][0]["messages"],
        json!([])
    );
}

#[tokio::test]
async fn chatgpts_conversations_come_with_their_branches() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;

    let import = import_file(&browser, CHATGPT).await;
    let again = import_file(&browser, CHATGPT).await;

    assert_eq!(counts(&import), ("complete", 2, 0, 6));
    assert_eq!(counts(&again), ("complete", 0, 2, 0));
    let listed = listed(&browser).await;
    let tides = listed.iter().find(|one| one["title"] == json!("Tides")).unwrap();
    let said = visible(&browser, tides).await;
    assert_eq!(said[0], "Why are there two tides a day?");
    assert_eq!(said[1], "The moon and the sun, one bulge on each side.");
    assert_eq!(said.len(), 3, "the other branch is not visible");
    let id = tides["conversation_id"].as_str().unwrap();
    let whole = browser.get(&format!("/api/v1/conversations/{id}/export")).await.json();
    assert_eq!(whole["conversations"][0]["messages"].as_array().unwrap().len(), 5);
    let hits = browser.get("/api/v1/search?q=bulge").await.json();
    assert_eq!(hits["hits"][0]["conversation_id"], json!(id));
    assert_eq!(socket.ask(id, "Go on").await, "You said: Go on");
}

#[tokio::test]
async fn a_broken_file_imports_nothing_and_says_where_it_breaks() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let second_broken = CHATGPT.replace("\"id\": \"not-a-uuid\",", "");

    let import = import_file(&browser, &second_broken).await;

    assert_eq!(counts(&import), ("failed", 0, 0, 0));
    assert_eq!(import["error"]["code"], json!("broken_import"));
    let expected = "Nothing was imported: conversation 2 is broken, at [1], in line 93, column 1: \
                    it has neither conversation_id nor id.";
    assert_eq!(import["error"]["message"], json!(expected));
    assert_eq!(listed(&browser).await, [""; 0]);
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_while_it_comes_and_a_form_will_do() {
    let server = TestServer::with(&[("MAX_IMPORT_SIZE_MB", "1")]).await;
    let browser = server.browser();
    let part = || Ok::<_, std::io::Error>(vec![b' '; 64 * 1024]);
    let unannounced = Body::wrap_stream(stream::repeat_with(part).take(17));
    let form = |name: &'static str| {
        let form = Form::new().text("other", "x").part(name, Part::text(CHATGPT));
        browser.request(Method::POST, "/api/v1/imports").multipart(form)
    };

    let declared = post_import(&browser, vec![b' '; 2 * 1024 * 1024]).await;
    let undeclared = post_import(&browser, unannounced).await;
    let without_file = browser.send(form("upload")).await;
    let in_form = browser.send(form("file")).await;

    assert_eq!(declared.refusal(), (413, "payload_too_large".to_owned()));
    assert_eq!(undeclared.refusal(), (413, "payload_too_large".to_owned()));
    assert_eq!(without_file.refusal(), (400, "invalid_request".to_owned()));
    assert_eq!(in_form.status, 202);
    assert_eq!(counts(&ended(&browser, &in_form.json()).await), ("complete", 2, 0, 6));
}

#[tokio::test]
async fn a_user_imports_one_file_at_a_time_and_an_upload_that_breaks_off_is_forgotten() {
    let server = TestServer::start().await;
    let (browser, other) = (server.browser(), server.browser());
    browser.start_conversation().await;
    let uploading = async {
        loop {
            let begun = stream::once(async { Ok::<_, std::io::Error>("[") });
            let body = Body::wrap_stream(begun.chain(stream::pending()));
            let refused = post_import(&browser, body).await;
            assert_eq!(refused.status, 409, "the other one was quicker: {refused:?}");
        }
    };
    let others = async {
        loop {
            let second = post_import(&browser, "[]").await;
            if second.status != 202 {
                return (second, post_import(&other, "[]").await);
            }
            ended(&browser, &second.json()).await;
        }
    };

    let (second, of_another) = tokio::select! {
        () = uploading => panic!("an upload that never ends has ended"),
        answers = others => answers,
    };

    assert_eq!(second.refusal(), (409, "import_in_progress".to_owned()));
    assert_eq!(of_another.status, 202);
    while post_import(&browser, "[]").await.status != 202 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_long_import_shows_its_progress_and_the_second_run_adds_nothing() {
    const MANY: u64 = 300;
    let server = TestServer::with(&[("REQUESTS_PER_SECOND", "0")]).await;
    let browser = server.browser();
    let file = many(MANY, 4);

    let started = post_import(&browser, file.clone()).await.json();
    let path = format!("/api/v1/imports/{}", started["import_id"].as_str().unwrap());
    let mut seen = vec![started];
    while seen.last().unwrap()["status"] == json!("running") {
        seen.push(browser.get(&path).await.json());
    }
    let again = import_file(&browser, &file).await;

    let done: Vec<u64> = seen.iter().map(|status| status["done"].as_u64().unwrap()).collect();
    assert!(done.is_sorted(), "{done:?}");
    assert!(done.iter().any(|done| (1..MANY).contains(done)), "{done:?}");
    let last = seen.last().unwrap();
    assert_eq!(counts(last), ("complete", MANY, 0, 4 * MANY));
    assert_eq!((&last["done"], &last["of"]), (&json!(MANY), &json!(MANY)));
    assert_eq!(counts(&again), ("complete", 0, MANY, 0));
    let exported = browser.get("/api/v1/export").await.json();
    assert_eq!(exported["conversations"].as_array().unwrap().len(), 300);
}

/// So many conversations of so many messages each, as ChatGPT writes them.
fn many(conversations: u64, messages: u64) -> String {
    let mut file = "[".to_owned();
    for number in 0..conversations {
        let between = if number == 0 { "" } else { "," };
        write!(file, "{between}{{\"id\": \"{number}\", \"create_time\": {number}, \"mapping\": {{")
            .unwrap();
        for said in 0..messages {
            let between = if said == 0 { "" } else { "," };
            let (role, parent) =
                (["user", "assistant"][usize::from(said % 2 == 1)], said.max(1) - 1);
            let parent = if said == 0 { "null".to_owned() } else { format!("\"{parent}\"") };
            let text = "What was said of the tides and of the moon. ".repeat(10);
            write!(
                file,
                "{between}\"{said}\": {{\"parent\": {parent}, \"message\": {{\"author\": \
                 {{\"role\": \"{role}\"}}, \"create_time\": null, \"content\": \
                 {{\"content_type\": \"text\", \"parts\": [\"{text}\"]}}}}}}"
            )
            .unwrap();
        }
        file.push_str("}}");
    }
    file.push(']');
    file
}

#[tokio::test]
async fn the_operator_takes_everything_away_and_brings_it_elsewhere() {
    let model = ScriptedModel::start();
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut server = Process::start(from.path(), &[("AZURE_API_URL", model.url())]).await;
    let (one, other) = (server.browser(), server.browser());
    for (browser, said) in [(&one, "mine"), (&other, "theirs")] {
        let id = browser.start_conversation().await;
        browser.connect().await.ask(&id, said).await;
    }
    let before = one.get("/api/v1/export").await.text;
    server.terminate().await;
    assert!(server.ended_well().await);
    let file = to.path().join("all.json");
    let file = file.to_str().unwrap();
    let data = ("DATA_DIR", from.path().to_str().unwrap());
    let elsewhere = ("DATA_DIR", to.path().to_str().unwrap());

    let exported = Process::run_with(&["export", "--to", file], &[data]).await;
    let over_it = Process::run_with(&["export", "--to", file], &[data]).await;
    let imported = Process::run_with(&["import", file], &[elsewhere]).await;
    let again = Process::run_with(&["import", file], &[elsewhere]).await;
    let whole: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let users = whole["conversations"].as_array().unwrap().iter();
    let users: Vec<_> = users.map(|one| one["user_id"].as_str().unwrap()).collect();
    let printed = Process::run_with(&["export", "--user", users[0]], &[elsewhere]).await;
    fs::write(file, &before).unwrap();
    let nobodys = Process::run_with(&["import", file], &[elsewhere]).await;
    let somebodys = Process::run_with(&["import", file, "--user", users[1]], &[elsewhere]).await;

    assert!(exported.ended_well, "{exported:?}");
    assert!(!over_it.ended_well && over_it.stderr.contains("can't use"), "{over_it:?}");
    let counts = "imported: 2 conversations, 4 messages; 0 conversations already existed";
    assert!(imported.stdout.contains(counts), "{imported:?}");
    assert!(again.stdout.contains("0 messages; 2 conversations already existed"), "{again:?}");
    let printed: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!(printed["conversations"].as_array().unwrap().len(), 1);
    assert!(nobodys.stderr.contains("does not say whose it is"), "{nobodys:?}");
    assert!(somebodys.ended_well, "{somebodys:?}");
}

async fn sqlite() -> (SqliteStore, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (SqliteStore::open(&folder.path().join("webchat.db")).await.unwrap(), folder)
}

async fn mongo() -> MongoStore {
    let database = MongoDatabase::connect(&mongodb_uri()).await.unwrap();
    Schema::of(database.clone()).prepare().await.unwrap();
    MongoStore::new(database)
}

async fn text_of(parts: webchat_chat::ExportStream) -> String {
    parts.try_collect::<Vec<String>>().await.unwrap().concat()
}

/// From one store into the other, and back into the first by another user, each time all of it.
#[tokio::test]
async fn what_is_exported_and_imported_is_exported_alike_from_either_store() {
    let ((sqlite, _folder), mongo) = (sqlite().await, mongo().await);
    let stores: [Arc<dyn ConversationArchive>; 2] = [Arc::new(sqlite.clone()), Arc::new(mongo)];
    let owner = UserId::generate();
    for (conversation, messages) in [branched(owner), empty(owner)] {
        assert!(stores[0].insert_with_messages(conversation, messages).await.unwrap());
    }
    let first = text_of(export_user(Arc::clone(&stores[0]), owner)).await;

    assert_eq!(first.matches("\"active\":true").count(), 2);
    let mut file = first.clone();
    for store in [&stores[1], &stores[0]] {
        let owner = UserId::generate();
        let into = ImportTarget {
            archive: Arc::clone(store),
            tokens: TokenCounter::load(),
            now: Timestamp::from_unix_millis(0),
        };
        let bytes = std::io::Cursor::new(file.into_bytes());
        let progress = |_| ControlFlow::Continue(());
        let imported = import(&into, ImportOwner::User(owner), bytes, progress).await.unwrap();
        assert_eq!((imported.imported, imported.messages), (2, 130));
        file = text_of(export_user(Arc::clone(store), owner)).await;
        assert_eq!(with_numbers(&file), with_numbers(&first));
    }
    let all = export_all_users(Arc::new(sqlite.clone()));
    let all: Value = serde_json::from_str(&text_of(all).await).unwrap();
    assert_eq!(all["conversations"].as_array().unwrap().len(), 4);
    assert_eq!(sqlite.totals().await.unwrap().messages, 260);
}

/// A question of 129 answers, of which the last one is visible: more than a page, and all that there is.
fn branched(user_id: UserId) -> (StoredConversation, Vec<StoredMessage>) {
    let tokens = TokenCounter::load();
    let conversation_id = ConversationId::generate();
    let at = Timestamp::from_unix_millis;
    let question_id = MessageId::generate();
    let messages = (1..=130_u64).map(|position| {
        let content = format!("number {position}: \0 \u{2028} \"tides\" 🌊");
        let is_question = position == 1;
        let statuses = [MessageStatus::Stopped, MessageStatus::Truncated, MessageStatus::Complete];
        let message = Message {
            message_id: if is_question { question_id } else { MessageId::generate() },
            conversation_id,
            position: 2 * position,
            parent_id: (!is_question).then_some(question_id),
            turn_id: is_question.then(webchat_domain::TurnId::generate),
            role: if is_question { Role::User } else { Role::Assistant },
            token_count: tokens.count(&content),
            content,
            status: statuses[usize::try_from(position % 3).unwrap()],
            error: (position == 130).then(unreachable),
            created_at: at(1_767_323_045_000 + i64::try_from(position).unwrap()),
        };
        let client_message_id = if is_question { "c1".to_owned().try_into().ok() } else { None };
        StoredMessage { message, client_message_id, active: is_question || position == 130 }
    });
    let messages: Vec<StoredMessage> = messages.collect();
    let count = |text: &str| (text.to_owned(), tokens.count(text));
    let ((prompt, prompt_tokens), (summary, summary_tokens)) =
        (count("Be brief."), count("Tides."));
    let context = Context {
        system_prompt: Some(SystemPrompt { text: prompt, token_count: prompt_tokens }),
        parameters: serde_json::from_str(r#"{"temperature": 0.7, "seed": 3}"#).unwrap(),
        examples: vec![FewShotExample {
            example_id: webchat_domain::ExampleId::generate(),
            user_prompt: "1 + 1?".to_owned(),
            assistant_response: "2.".to_owned(),
            prompt_tokens: tokens.count("1 + 1?"),
            response_tokens: tokens.count("2."),
            created_at: at(5),
        }],
        summary: Some(Summary {
            text: summary,
            token_count: summary_tokens,
            through: 2,
            message_count: 1,
            created_at: at(6),
            author: SummaryAuthor::User,
        }),
    };
    let conversation = Conversation {
        conversation_id,
        title: Title::try_from("Tides".to_owned()).ok(),
        created_at: at(7),
        updated_at: at(8),
        message_count: 2,
        total_tokens: 9,
        archived: true,
    };
    let head = messages.last().map(|last| last.message.message_id);
    (StoredConversation { user_id, conversation, head, last_position: 300, context }, messages)
}

fn unreachable() -> Problem {
    Problem {
        message: "The model can't be reached.".to_owned(),
        code: "model_unreachable".to_owned(),
    }
}

fn empty(owner: UserId) -> (StoredConversation, Vec<StoredMessage>) {
    let (branched, _) = branched(owner);
    let created_at = Timestamp::from_unix_millis(9);
    let conversation =
        Conversation { title: None, created_at, message_count: 0, ..branched.conversation };
    let context = Context::default();
    (StoredConversation { conversation, head: None, last_position: 0, context, ..branched }, vec![])
}
