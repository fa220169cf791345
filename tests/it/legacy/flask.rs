//! The routes of the Flask application behave as its clients expect.

use std::fs;

use reqwest::Method;
use serde_json::json;
use webchat_tests::TestServer;

#[tokio::test]
async fn a_conversation_is_started_listed_and_loaded() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;

    let start_response = browser.post("/start_conversation").await;
    let first = start_response.json()["conversation_id"].as_str().unwrap().to_owned();
    let second = browser.start_conversation().await;
    socket.ask(&first, "hello").await;

    assert_eq!(start_response.status, 200);
    let message = "New conversation started.";
    assert_eq!(start_response.json(), json!({"message": message, "conversation_id": first}));
    let list_response = browser.get("/list_conversations").await;
    assert_eq!(list_response.status, 200);
    let list = list_response.json();
    let listed = list["conversations"].as_array().unwrap();
    let ids: Vec<_> =
        listed.iter().map(|entry| entry["conversation_id"].as_str().unwrap()).collect();
    assert_eq!(ids, [&second, &first], "not newest first");
    assert_eq!(listed[0].as_object().unwrap().len(), 2);
    assert!(listed[0]["created_at"].as_str().unwrap().ends_with('Z'));
    let loaded = browser.get(&format!("/load_conversation/{first}")).await;
    assert_eq!(loaded.status, 200);
    assert_eq!(
        loaded.json(),
        json!({"conversation": [
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "You said: hello"},
        ]})
    );
}

#[tokio::test]
async fn a_loaded_conversation_becomes_the_current_one() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let first = browser.start_conversation().await;
    browser.start_conversation().await;

    browser.get(&format!("/load_conversation/{first}")).await;
    socket.send("send_message", json!({"message": "where am I?"})).await;

    let accepted = socket.expect("message_accepted").await;
    assert_eq!(accepted["conversation_id"], json!(first));
}

#[tokio::test]
async fn an_unknown_conversation_is_not_found() {
    let server = TestServer::start().await;
    let browser = server.browser();

    for id in ["0190a000-0000-7000-8000-000000000000", "nonsense", "'; --", "%00"] {
        let response = browser.get(&format!("/load_conversation/{id}")).await;
        assert_eq!(response.status_and_code(), (404, "conversation_not_found".to_owned()), "{id}");
        assert_eq!(response.json()["message"], json!("Conversation not found."));
    }
}

#[tokio::test]
async fn the_configuration_has_the_token_limit() {
    let server = TestServer::with_settings(&[("MAX_TOKENS", "4096")]).await;

    let config = server.browser().get("/get_config").await;

    assert_eq!((config.status.as_u16(), config.json()), (200, json!({"max_tokens": 4096})));
}

/// Flask responds to `HEAD` on every `GET` route.
#[tokio::test]
async fn get_routes_respond_to_head_without_a_body() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;

    for path in [
        "/list_conversations",
        &format!("/load_conversation/{id}"),
        "/search_conversations?q=tides",
        "/get_config",
        "/api/v1/conversations",
        &format!("/api/v1/conversations/{id}/context"),
    ] {
        let get = browser.get(path).await;
        let head = browser.send(browser.request(Method::HEAD, path)).await;

        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        assert_eq!(head.header("content-length"), get.header("content-length"), "{path}");
        let posted = browser.post(path).await;
        if posted.status == 405 {
            assert!(posted.header("allow").contains("GET, HEAD"), "{path}: {posted:?}");
        }
    }
}

#[tokio::test]
async fn read_requests_start_no_session() {
    let server = TestServer::start().await;
    let browser = server.browser();

    let listed = browser.get("/list_conversations").await;
    let started = browser.post("/start_conversation").await;

    assert_eq!(listed.json(), json!({"conversations": []}));
    assert_eq!(listed.header("set-cookie"), "");
    assert!(started.header("set-cookie").contains("HttpOnly"));
}

#[tokio::test]
async fn the_current_conversation_is_reset() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let without_conversation = browser.post("/reset_conversation").await;
    let id = browser.start_conversation().await;
    socket.ask(&id, "hello").await;

    let reset = browser.post("/reset_conversation").await;
    let change = socket.expect("conversation_updated").await;

    assert_eq!(without_conversation.status, 400);
    assert_eq!(without_conversation.json()["message"], json!("No active conversation to reset."));
    let message = "Conversation has been reset successfully!";
    assert_eq!((reset.status.as_u16(), reset.json()), (200, json!({"message": message})));
    assert_eq!(change["change"], json!("reset"));
    let loaded = browser.get(&format!("/load_conversation/{id}")).await.json();
    assert_eq!(loaded, json!({"conversation": []}));
    assert_eq!(socket.ask(&id, "again").await, "You said: again");
}

#[tokio::test]
async fn search_results_are_ordered_by_score() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let (best_id, other_id) =
        (browser.start_conversation().await, browser.start_conversation().await);
    socket.ask(&best_id, "tides, tides and the moon").await;
    socket.ask(&other_id, &format!("a tide {}", "and other things ".repeat(40))).await;
    let stranger = server.browser();
    stranger.start_conversation().await;

    let response = browser.get("/search_conversations?q=tide").await;
    let excluded = browser.get("/search_conversations?q=tide%20-moon").await.json();
    let without_query = browser.get("/search_conversations").await;
    let of_stranger = stranger.get("/search_conversations?q=tide").await.json();
    let hits = browser.get("/api/v1/search?q=%22the+moon%22&limit=1").await.json();

    assert_eq!(response.status, 200);
    let body = response.json();
    let results = body["conversations"].as_array().unwrap();
    let ids: Vec<_> =
        results.iter().map(|result| result["conversation_id"].as_str().unwrap()).collect();
    assert_eq!(ids, [&best_id, &other_id]);
    let mut fields: Vec<_> = results[0].as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(fields, ["conversation_id", "created_at", "score", "updated_at"]);
    assert_eq!(excluded["conversations"][0]["conversation_id"], json!(other_id));
    assert_eq!(excluded["conversations"].as_array().unwrap().len(), 1);
    assert_eq!(without_query.status_and_code(), (400, "empty_search".to_owned()));
    assert_eq!(of_stranger, json!({"conversations": []}));
    let snippet = hits["hits"][0]["snippet"].as_array().unwrap();
    let matched: Vec<_> = snippet.iter().filter(|part| part["matched"] == json!(true)).collect();
    assert!(!matched.is_empty(), "{hits}");
}

#[tokio::test]
async fn a_saved_conversation_is_readable_by_its_owner_only() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let without_conversation = browser.post("/save_history").await;
    let id = browser.start_conversation().await;
    socket.ask(&id, "hello").await;

    let saved = browser.post("/save_history").await;
    let saved_again = browser.post("/save_history").await;
    let name = saved.json()["file_name"].as_str().unwrap().to_owned();
    let fetched = browser.get(&format!("/saved_conversations/{name}")).await;
    let fetched_by_stranger = server.browser().get(&format!("/saved_conversations/{name}")).await;
    let outside_dir = browser.get_raw("/saved_conversations/..%2fwebchat.db").await;

    assert_eq!(without_conversation.status_and_code(), (400, "no_conversation".to_owned()));
    let without_conversation = without_conversation.json();
    assert_eq!(without_conversation["message"], json!("Failed to save conversation."));
    let cause = "No active conversation. Please start a new conversation.";
    assert_eq!(without_conversation["error"], json!(cause));
    let message = "Conversation history saved successfully.";
    assert_eq!((saved.status.as_u16(), &saved.json()["message"]), (200, &json!(message)));
    assert!(name.ends_with(&format!("_{id}_conversation_history.json")), "{name}");
    assert_ne!(saved_again.json()["file_name"], json!(name), "the saved file was overwritten");
    let dirs = fs::read_dir(server.dir.path().join("data/saved_conversations")).unwrap();
    let dir_of_user = dirs.map(Result::unwrap).next().unwrap().path();
    assert!(dir_of_user.join(&name).exists());
    assert_eq!(
        fetched.json(),
        json!([
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "You said: hello"},
        ])
    );
    assert!(fetched.header("content-disposition").starts_with("attachment"));
    assert_eq!(fetched.header("x-content-type-options"), "nosniff");
    assert_eq!(
        fetched_by_stranger.status_and_code(),
        (404, "saved_conversation_not_found".to_owned())
    );
    assert!(outside_dir.starts_with("HTTP/1.1 404"), "{outside_dir}");
}

#[tokio::test]
async fn a_deleted_conversation_is_not_saved() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    browser.delete(&format!("/api/v1/conversations/{id}")).await;

    let failed = browser.post("/save_history").await;

    assert_eq!(failed.status_and_code(), (400, "no_conversation".to_owned()));
    assert_eq!(failed.json()["message"], json!("Failed to save conversation."));
}

#[tokio::test]
async fn an_upload_without_a_form_or_a_file_is_rejected() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let upload = browser.request(Method::POST, "/upload_file").json(&json!({"file": "tides.txt"}));

    let without_body = browser.post("/upload_file").await;
    let as_json = browser.send(upload).await;
    let without_file = browser.post_form("/upload_file", &[("other", None, b"tides")]).await;
    let without_name = browser.post_form("/upload_file", &[("file", Some(""), b"tides")]).await;

    let form = "The body must be a form with a file: `multipart/form-data`.";
    let file = "The form has no file. Send it in a field named `file`.";
    for (response, message) in
        [(without_body, form), (as_json, form), (without_file, file), (without_name, file)]
    {
        assert_eq!(response.status_and_code(), (400, "invalid_request".to_owned()));
        assert_eq!(response.json()["message"], json!(message));
    }
}

#[tokio::test]
async fn a_failed_save_is_reported() {
    let server = TestServer::start().await;
    let browser = server.browser();
    browser.start_conversation().await;
    std::fs::write(server.dir.path().join("data/saved_conversations"), "not a directory").unwrap();

    let failed = browser.post("/save_history").await;

    assert_eq!(failed.status_and_code(), (503, "storage_unavailable".to_owned()));
    let body = failed.json();
    assert_eq!(body["message"], json!("Failed to save conversation."));
    assert!(body["error"].as_str().unwrap().contains("storage"), "{body}");
}

#[tokio::test]
async fn an_example_with_a_question_or_answer_that_is_not_text_is_incomplete() {
    let server = TestServer::start().await;
    let browser = server.browser();
    browser.start_conversation().await;

    for half in [json!(null), json!(2), json!(" "), json!(["2."])] {
        let example = json!({"user_prompt": "1 + 1?", "assistant_response": half});
        let request = browser.request(Method::POST, "/add_few_shot_example").json(&example);
        let response = browser.send(request).await;
        assert_eq!(response.status_and_code(), (400, "incomplete_example".to_owned()), "{half}");
    }
}

#[tokio::test]
async fn a_conversation_is_found_by_its_few_shot_examples() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let example = json!({"user_prompt": "Why two tides?", "assistant_response": "The moon."});
    let request = browser.request(Method::POST, "/add_few_shot_example").json(&example);
    browser.send(request).await;

    for word in ["tide", "moon"] {
        let search = browser.get(&format!("/search_conversations?q={word}")).await.json();
        assert_eq!(search["conversations"][0]["conversation_id"], json!(id), "{word}");
        assert_eq!(search["conversations"][0]["score"], json!(0.0));
    }
}
