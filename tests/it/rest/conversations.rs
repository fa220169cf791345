//! Conversations and their messages.

use reqwest::Method;
use serde_json::{Value, json};
use webchat_tests::{Browser, TestServer};

async fn create(browser: &Browser) -> String {
    let created = browser.post("/api/v1/conversations").await;
    assert_eq!(created.status, 201);
    created.json()["conversation_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_conversation_is_created_read_renamed_and_deleted() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = create(&browser).await;
    let path = format!("/api/v1/conversations/{id}");

    let read = browser.get(&path).await.json();
    let renamed = browser.patch(&path, &json!({"title": "  The\nsea "})).await;
    let deleted = browser.delete(&path).await;

    assert_eq!((&read["title"], &read["message_count"]), (&json!(null), &json!(0)));
    assert_eq!((renamed.status.as_u16(), &renamed.json()["title"]), (200, &json!("The sea")));
    assert_eq!((deleted.status.as_u16(), deleted.text.as_str()), (204, ""));
    assert_eq!(
        browser.get(&path).await.status_and_code(),
        (404, "conversation_not_found".to_owned())
    );
    assert_eq!(
        browser.delete(&path).await.status_and_code(),
        (404, "conversation_not_found".to_owned())
    );
}

#[tokio::test]
async fn a_conversation_other_than_the_current_one_can_be_saved_and_reset() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let id = create(&browser).await;
    socket.ask(&id, "Why?").await;
    browser.start_conversation().await;

    let saved = browser.post(&format!("/api/v1/conversations/{id}/save")).await;
    let reset = browser.post(&format!("/api/v1/conversations/{id}/reset")).await;

    let file = format!("/saved_conversations/{}", saved.json()["file_name"].as_str().unwrap());
    let saved_messages = [("user", "Why?"), ("assistant", "You said: Why?")]
        .map(|(role, content)| json!({"role": role, "content": content}));
    assert_eq!(
        (saved.status.as_u16(), browser.get(&file).await.json()),
        (201, json!(saved_messages))
    );
    assert_eq!(reset.status, 204);
    let page = browser.get(&format!("/api/v1/conversations/{id}/messages")).await.json();
    assert_eq!(page["messages"], json!([]));
}

#[tokio::test]
async fn conversations_are_paged_by_last_update() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let id = create(&browser).await;
        socket.ask(&id, "Why?").await;
        ids.push(id);
    }
    let renamed = json!({"title": "This does not move the conversation"});
    browser.patch(&format!("/api/v1/conversations/{}", ids[0]), &renamed).await;
    socket.ask(&ids[1], "updated last").await;
    let updated = ids.remove(1);
    ids.push(updated);
    ids.reverse();

    let mut listed = Vec::new();
    let mut path = "/api/v1/conversations?limit=2".to_owned();
    loop {
        let page = browser.get(&path).await.json();
        let items = page["conversations"].as_array().unwrap().clone();
        listed
            .extend(items.iter().map(|item| item["conversation_id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/api/v1/conversations?limit=2&cursor={cursor}");
    }

    assert_eq!(listed, ids);
}

#[tokio::test]
async fn an_empty_conversation_is_listed_only_by_the_route_of_the_flask_application() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = create(&browser).await;
    let listed =
        async || browser.get("/api/v1/conversations").await.json()["conversations"].clone();

    let while_empty = listed().await;
    let flask_list = browser.get("/list_conversations").await.json();
    let found = browser.get(&format!("/api/v1/conversations/{id}")).await;
    let answer = server.model.next_answer();
    browser.upload(&format!("/api/v1/conversations/{id}/files"), "tides.txt", b"Tides").await;
    let with_file = listed().await;
    answer.finish();

    assert_eq!((while_empty, found.status.as_u16()), (json!([]), 200));
    assert_eq!(flask_list["conversations"][0]["conversation_id"], json!(id));
    assert_eq!(with_file[0]["title"], json!("tides.txt"));
}

#[tokio::test]
async fn an_archived_conversation_is_unarchived_by_a_new_message() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let (other_id, archived_id) = (create(&browser).await, create(&browser).await);
    socket.ask(&other_id, "Why?").await;
    let path = format!("/api/v1/conversations/{archived_id}");
    let listed = async |query: &str| -> Vec<String> {
        let list = browser.get(&format!("/api/v1/conversations{query}")).await.json();
        let list = list["conversations"].as_array().unwrap().clone();
        list.iter().map(|item| item["conversation_id"].as_str().unwrap().to_owned()).collect()
    };
    socket.send("subscribe", json!({"conversation_id": archived_id})).await;
    socket.expect("subscribed").await;

    let changes = json!({"archived": true, "title": "Old"});
    let archived = browser.patch(&path, &changes).await.json();
    let received = [socket.receive().await.1, socket.receive().await.1];
    let (active, archive) = (listed("").await, listed("?archived=true").await);
    let flask_list = browser.get("/list_conversations").await.json();
    socket.ask(&archived_id, "Are you there?").await;
    let unarchived = browser.get(&path).await.json();

    assert_eq!((&archived["archived"], &archived["title"]), (&json!(true), &json!("Old")));
    assert_eq!(
        (&received[0]["change"], &received[1]["change"]),
        (&json!("title"), &json!("archived"))
    );
    assert_eq!(received[1]["archived"], json!(true));
    assert_eq!((active, archive), (vec![other_id.clone()], vec![archived_id.clone()]));
    assert_eq!(flask_list["conversations"].as_array().unwrap().len(), 2);
    assert_eq!(unarchived["archived"], json!(false));
    assert_eq!(listed("?archived=false").await, [archived_id, other_id]);
}

#[tokio::test]
async fn messages_are_paged_backwards() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let id = create(&browser).await;
    for text in ["one", "two"] {
        socket.ask(&id, text).await;
    }
    let path = format!("/api/v1/conversations/{id}/messages?limit=3");

    let newest = browser.get(&path).await.json();
    let older = browser.get(&format!("{path}&before={}", newest["next_before"])).await.json();

    let contents = |page: &Value| -> Vec<String> {
        let messages = page["messages"].as_array().unwrap();
        messages.iter().map(|message| message["content"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(contents(&newest), ["You said: one", "two", "You said: two"]);
    assert_eq!(contents(&older), ["one"]);
    assert_eq!((&older["next_before"], &newest["running_turn"]), (&json!(null), &json!(null)));
    let question = &older["messages"][0];
    assert_eq!(
        (&question["role"], &question["status"], &question["position"]),
        (&json!("user"), &json!("complete"), &json!(1))
    );
}

#[tokio::test]
async fn the_configuration_contains_the_model_name() {
    let server = TestServer::start().await;

    let config = server.browser().get("/api/v1/config").await.json();

    assert_eq!((&config["model"], &config["reply_tokens"]), (&json!("scripted"), &json!(32_000)));
}

#[tokio::test]
async fn the_configuration_tells_which_files_are_accepted() {
    let settings = [("ALLOWED_EXTENSIONS", ".TXT,csv"), ("MAX_FILE_SIZE_MB", "0.5")];
    let server = TestServer::with_settings(&settings).await;

    let config = server.browser().get("/api/v1/config").await.json();

    assert_eq!(config["upload_extensions"], json!(["txt", "csv"]));
    assert_eq!(config["max_upload_bytes"], json!(512 * 1024));
}

#[tokio::test]
async fn invalid_input_is_rejected_with_a_reason() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = create(&browser).await;
    let path = format!("/api/v1/conversations/{id}");
    let rejected_requests = [
        (
            browser.get("/api/v1/conversations?limit=0").await,
            400,
            "`limit` must be between 1 and 100.",
        ),
        (browser.get("/api/v1/conversations?limit=101").await, 400, "`limit` must be"),
        (browser.get("/api/v1/conversations?limit=ten").await, 400, "expected an integer"),
        (browser.get("/api/v1/conversations?cursor=x").await, 400, "next_cursor"),
        (browser.get(&format!("{path}/messages?before=-1")).await, 400, "0 or more"),
        (browser.patch(&path, &json!({"title": " "})).await, 422, "1 to 200 characters"),
        (
            browser.patch(&path, &json!({"title": "x".repeat(201)})).await,
            422,
            "1 to 200 characters",
        ),
        (browser.patch(&path, &json!({"archived": "yes"})).await, 422, "invalid type"),
        (browser.patch(&path, &json!({"head": null})).await, 422, "unknown field `head`"),
        (browser.patch(&path, &json!(["title", true])).await, 422, "expected an object"),
        (browser.patch(&path, &json!({"title": "x".repeat(99_999)})).await, 413, "too large"),
        (browser.post("/api/v1/config").await, 405, "not allowed"),
        (browser.get("/api/v1/nothing").await, 404, "nothing here"),
    ];

    for (response, status, message) in rejected_requests {
        assert_eq!(response.status, status, "{response:?}");
        assert!(response.json()["message"].as_str().unwrap().contains(message), "{response:?}");
    }
}

#[tokio::test]
async fn only_uncompressed_json_bodies_are_accepted() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = create(&browser).await;
    let patch = || browser.request(Method::PATCH, &format!("/api/v1/conversations/{id}"));
    let body = r#"{"title": "x"}"#;
    let send = |content_type: &'static str, encoding: &'static str, body: Vec<u8>| {
        let request = patch().header("content-type", content_type);
        browser.send(request.header("content-encoding", encoding).body(body))
    };
    let json_type = "application/json";

    let invalid_json = send(json_type, "identity", b"{\"title\":".to_vec()).await;
    let latin = send(json_type, "identity", b"{\"title\": \"\xfc\"}".to_vec()).await;
    let text = send("text/plain", "identity", body.into()).await;
    let form = send("application/x-www-form-urlencoded", "identity", body.into()).await;
    let compressed = send(json_type, "gzip", body.into()).await;
    let no_body = browser.send(patch()).await;

    assert_eq!(no_body.status_and_code(), (415, "unsupported_media_type".to_owned()));
    assert_eq!(invalid_json.status_and_code(), (400, "invalid_request".to_owned()));
    assert_eq!(latin.status_and_code(), (400, "invalid_request".to_owned()));
    assert!(latin.text.contains("not encoded in UTF-8"), "{latin:?}");
    assert_eq!(form.status_and_code(), (415, "unsupported_media_type".to_owned()));
    assert_eq!(text.status_and_code(), (415, "unsupported_media_type".to_owned()));
    assert_eq!(compressed.status_and_code(), (415, "unsupported_media_type".to_owned()));
    assert!(compressed.text.contains("must not be compressed"), "{compressed:?}");
}

#[tokio::test]
async fn json_is_accepted_in_the_notations_of_all_clients() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = create(&browser).await;
    let utf16: Vec<u8> =
        "\u{feff}{\"title\": \"ü\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();

    for (content_type, body, title) in [
        ("application/json", b"\xef\xbb\xbf{\"title\": \"a\"}".to_vec(), "a"),
        ("application/json; charset=utf-16", utf16, "ü"),
        ("Application/JSON;Charset=\"UTF-8\"", b"{\"title\": \"b\"}".to_vec(), "b"),
        ("application/merge-patch+json", b"{\"title\": \"c\"}".to_vec(), "c"),
        ("application/json, application/json", b"{\"title\": \"d\"}".to_vec(), "d"),
        ("application/json", br#"{"title": "nice \ud83d"}"#.to_vec(), "nice \u{fffd}"),
    ] {
        let request = browser.request(Method::PATCH, &format!("/api/v1/conversations/{id}"));
        let changed = browser.send(request.header("content-type", content_type).body(body)).await;
        assert_eq!(changed.json()["title"], json!(title), "{content_type} {changed:?}");
    }
}
