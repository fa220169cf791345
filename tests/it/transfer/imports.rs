//! A user's exports and imports.

use serde_json::json;
use webchat_tests::TestServer;

use super::support::{CHATGPT, contents, counts, list, with_numbered_ids};

#[tokio::test]
async fn a_conversation_is_exported_in_each_format() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;
    socket.ask(&id, "Tides?\n```\nlet tide").await;
    let saved = browser.post("/save_history").await.json();
    let name = saved["file_name"].as_str().unwrap();
    let saved = browser.get(&format!("/saved_conversations/{name}")).await.text;
    let path = format!("/api/v1/conversations/{id}/export");

    let as_json = browser.get(&path).await;
    let as_markdown = browser.get(&format!("{path}?format=markdown")).await;
    let as_flask = browser.get(&format!("{path}?format=flask")).await;
    let unknown = browser.get(&format!("{path}?format=pdf")).await;

    assert_eq!(as_json.header("content-type"), "application/json");
    assert_eq!(as_json.header("x-content-type-options"), "nosniff");
    let attachment = as_json.header("content-disposition");
    assert!(attachment.starts_with("attachment; filename=\"webchat-"), "{attachment}");
    assert!(attachment.ends_with(&format!("-{id}.json\"")), "{attachment}");
    let messages = &as_json.json()["conversations"][0]["messages"];
    assert_eq!(messages[1]["parent_id"], messages[0]["message_id"]);
    assert!(as_markdown.header("content-type").starts_with("text/markdown"));
    assert!(as_markdown.text.starts_with("# Tides?"), "{}", as_markdown.text);
    let (question, answer) = as_markdown.text.split_once("**Assistant**").unwrap();
    assert!(
        question.ends_with("let tide\n```\n\n---\n\n"),
        "the code block is not closed: {question}"
    );
    assert!(answer.contains("You said: Tides?"), "{answer}");
    assert_eq!(as_flask.text, saved);
    assert!(as_flask.header("content-disposition").contains("_conversation_history.json"));
    assert_eq!(unknown.status_and_code(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn importing_an_own_export_restores_only_deleted_conversations() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let (kept, deleted) = (browser.start_conversation().await, browser.start_conversation().await);
    socket.ask(&kept, "kept").await;
    socket.ask(&deleted, "deleted").await;
    let file = browser.get("/api/v1/export").await.text;

    let first_import = browser.import(file.clone()).await;
    let unchanged = browser.get("/api/v1/export").await.text;
    browser.delete(&format!("/api/v1/conversations/{deleted}")).await;
    let import_after_deletion = browser.import(file.clone()).await;
    let last_import = browser.import(file.clone()).await;

    assert_eq!(counts(&first_import), ("complete", 0, 2, 0));
    assert_eq!(unchanged, file);
    assert_eq!(counts(&import_after_deletion), ("complete", 1, 1, 2));
    assert_eq!(counts(&last_import), ("complete", 0, 2, 0));
    let listed = list(&browser).await;
    assert_eq!(listed.len(), 2);
    let restored =
        listed.iter().find(|conversation| conversation["title"] == json!("deleted")).unwrap();
    assert_ne!(restored["conversation_id"], json!(deleted));
    assert_eq!(contents(&browser, restored).await, ["deleted", "You said: deleted"]);
    let last_export = browser.get("/api/v1/export").await.text;
    assert_eq!(
        with_numbered_ids(&last_export),
        with_numbered_ids(&file),
        "the restored conversation is incomplete"
    );
}

#[tokio::test]
async fn importing_an_export_of_another_user_creates_copies() {
    let server = TestServer::start().await;
    let (owner, mut socket) = server.socket().await;
    let (other, stranger) = (server.browser(), server.browser());
    stranger.start_conversation().await;
    let id = owner.start_conversation().await;
    socket.ask(&id, "mine").await;
    let file = owner.get("/api/v1/export").await.text;

    let import = other.import(file.replace("mine", "forged")).await;
    let path = format!("/api/v1/imports/{}", import["import_id"].as_str().unwrap());
    let by_stranger = stranger.get(&path).await;
    let unknown = other.get("/api/v1/imports/nonsense").await;

    assert_eq!(counts(&import), ("complete", 1, 0, 2));
    assert_eq!(owner.get("/api/v1/export").await.text, file);
    let copy = list(&other).await.remove(0);
    assert_ne!(copy["conversation_id"], json!(id));
    assert_eq!(contents(&other, &copy).await[0], "forged");
    assert_eq!(other.get(&format!("/api/v1/conversations/{id}")).await.status, 404);
    assert_eq!(by_stranger.status_and_code(), (404, "import_not_found".to_owned()));
    assert_eq!(unknown.status_and_code(), (404, "import_not_found".to_owned()));
    assert_eq!(
        stranger.get("/api/v1/export").await.json()["conversations"][0]["messages"],
        json!([])
    );
}

#[tokio::test]
async fn chatgpt_conversations_are_imported_with_their_branches() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;

    let import = browser.import(CHATGPT).await;
    let again = browser.import(CHATGPT).await;

    assert_eq!(counts(&import), ("complete", 2, 0, 6));
    assert_eq!(counts(&again), ("complete", 0, 2, 0));
    let listed = list(&browser).await;
    let tides = listed.iter().find(|conversation| conversation["title"] == json!("Tides")).unwrap();
    let messages = contents(&browser, tides).await;
    assert_eq!(messages[0], "Why are there two tides a day?");
    assert_eq!(messages[1], "The moon and the sun, one bulge on each side.");
    assert_eq!(messages.len(), 3, "the other branch is visible");
    let id = tides["conversation_id"].as_str().unwrap();
    let as_json = browser.get(&format!("/api/v1/conversations/{id}/export")).await.json();
    assert_eq!(as_json["conversations"][0]["messages"].as_array().unwrap().len(), 5);
    let hits = browser.get("/api/v1/search?q=bulge").await.json();
    assert_eq!(hits["hits"][0]["conversation_id"], json!(id));
    assert_eq!(socket.ask(id, "Go on").await, "You said: Go on");
}

#[tokio::test]
async fn an_odd_conversation_is_named_and_the_others_are_imported() {
    let server = TestServer::start().await;
    let browser = server.browser();

    let import =
        browser.import(include_str!("../../fixtures/imports/no_mapping_in_the_middle.json")).await;
    let wrong = browser.import(include_str!("../../fixtures/imports/gemini_two.json")).await;

    assert_eq!(counts(&import), ("complete", 2, 0, 4));
    assert_eq!(import["left_out"], json!(1));
    let left_out = &import["first_left_out"][0];
    assert_eq!((&left_out["position"], &left_out["title"]), (&json!(2), &json!("About hole")));
    assert_eq!(left_out["reason"], json!("it has no messages"));
    assert_eq!(list(&browser).await.len(), 2);
    assert_eq!(counts(&wrong), ("failed", 0, 0, 0));
    assert_eq!(wrong["error"]["code"], json!("broken_import"));
    let message = wrong["error"]["message"].as_str().unwrap();
    assert!(message.contains("Google Takeout"), "{message}");
}

#[tokio::test]
async fn an_edited_export_of_webchat_keeps_all_messages_that_can_be_read() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;
    socket.ask(&id, "Tides?").await;
    let mut export = browser.get("/api/v1/export").await.json();
    let messages = export["conversations"][0]["messages"].as_array_mut().unwrap();
    messages[1]["created_at"] = json!("yesterday");
    messages.extend(vec![json!({"role": "robot", "content": "Beep"}); 2]);

    let import = server.browser().import(export.to_string()).await;

    assert_eq!(counts(&import), ("complete", 1, 0, 2));
    assert_eq!(
        (&import["done"], &import["of"], &import["left_out"]),
        (&json!(1), &json!(1), &json!(2))
    );
    let reason = "2 of its messages were left out: the role is neither `user` nor `assistant`";
    assert_eq!(import["first_left_out"][0]["reason"], json!(reason));
}

#[tokio::test]
async fn a_grown_export_adds_its_new_messages_and_an_older_one_loses_nothing() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let older = include_str!("../../fixtures/imports/grown_1.json");
    let newer = include_str!("../../fixtures/imports/grown_2.json");
    browser.import(older).await;
    let conversation = list(&browser).await.remove(0);
    let id = conversation["conversation_id"].as_str().unwrap();
    let path = format!("/api/v1/conversations/{id}");
    browser.patch(&path, &json!({"title": "Mine"})).await;

    let grown = browser.import(newer).await;
    let shown = contents(&browser, &conversation).await;
    let older_again = browser.import(older).await;
    socket.ask(id, "Go on").await;
    let newer_again = browser.import(newer).await;

    assert_eq!(counts(&grown), ("complete", 0, 0, 2));
    assert_eq!(grown["added_to"], json!(1));
    assert_eq!(shown, ["How deep is the lake?", "About ninety metres.", "And wide?", "Two km."]);
    assert_eq!(counts(&older_again), ("complete", 0, 1, 0));
    assert_eq!(counts(&newer_again), ("complete", 0, 1, 0));
    assert_eq!(contents(&browser, &conversation).await.len(), 6);
    assert_eq!(browser.get(&path).await.json()["title"], json!("Mine"));
}

#[tokio::test]
async fn the_richer_copy_of_a_conversation_in_a_file_wins() {
    let server = TestServer::start().await;
    let browser = server.browser();

    let import = browser.import(include_str!("../../fixtures/imports/same_id_twice.json")).await;

    assert_eq!(counts(&import), ("complete", 1, 0, 3));
    let conversation = list(&browser).await.remove(0);
    assert_eq!(contents(&browser, &conversation).await.len(), 3);
}
