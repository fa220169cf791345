//! The limits on imports: one at a time, a maximum size and the storage of the user.

use std::fmt::Write;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method};
use serde_json::json;
use webchat_tests::{Browser, TestServer};

use super::support::{CHATGPT, counts};

#[tokio::test]
async fn an_oversized_file_is_rejected_early_and_a_form_is_accepted() {
    let server = TestServer::with_settings(&[("MAX_IMPORT_SIZE_MB", "1")]).await;
    let browser = server.browser();
    let part = || Ok::<_, std::io::Error>(vec![b' '; 64 * 1024]);
    let body_without_length = Body::wrap_stream(stream::repeat_with(part).take(17));
    let form = |names: &[&'static str]| {
        let form = Form::new().text("other", "x");
        let form = names.iter().fold(form, |form, name| form.part(*name, Part::text(CHATGPT)));
        browser.request(Method::POST, "/api/v1/imports").multipart(form)
    };

    let with_length = browser.post_import(vec![b' '; 2 * 1024 * 1024]).await;
    let without_length = browser.post_import(body_without_length).await;
    let without_file = browser.send(form(&["upload"])).await;
    let two_files = browser.send(form(&["file", "file"])).await;
    let in_form = browser.send(form(&["file"])).await;

    assert_eq!(with_length.status_and_code(), (413, "payload_too_large".to_owned()));
    assert_eq!(without_length.status_and_code(), (413, "payload_too_large".to_owned()));
    assert_eq!(without_file.status_and_code(), (400, "invalid_request".to_owned()));
    assert_eq!(two_files.status_and_code(), (400, "invalid_request".to_owned()));
    assert!(two_files.text.contains("several fields named `file`"), "{}", two_files.text);
    assert_eq!(in_form.status, 202);
    assert_eq!(counts(&browser.wait_for_import(&in_form.json()).await), ("complete", 2, 0, 6));
}

#[tokio::test]
async fn a_concurrent_import_is_rejected_and_an_aborted_upload_releases_the_permit() {
    let server = TestServer::start().await;
    let (browser, other) = (server.browser(), server.browser());
    browser.start_conversation().await;
    let upload_endlessly = async {
        loop {
            let beginning = stream::once(async { Ok::<_, std::io::Error>("[") });
            let body = Body::wrap_stream(beginning.chain(stream::pending()));
            let rejected = browser.post_import(body).await;
            assert_eq!(rejected.status, 409, "the upload was not rejected: {rejected:?}");
        }
    };
    let import_during_upload = async {
        loop {
            let second = browser.post_import("[]").await;
            if second.status != 202 {
                return (second, other.post_import("[]").await);
            }
            browser.wait_for_import(&second.json()).await;
        }
    };

    let (second, by_other_user) = tokio::select! {
        () = upload_endlessly => panic!("an endless upload ended"),
        responses = import_during_upload => responses,
    };

    assert_eq!(second.status_and_code(), (409, "import_in_progress".to_owned()));
    assert_eq!(by_other_user.status, 202);
    while browser.post_import("[]").await.status != 202 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_import_reports_its_progress_and_repeating_it_adds_nothing() {
    const CONVERSATIONS: u64 = 300;
    let server = TestServer::with_settings(&[("REQUESTS_PER_SECOND", "0")]).await;
    let browser = server.browser();
    let file = chatgpt_file(CONVERSATIONS, 4);

    let started = browser.post_import(file.clone()).await.json();
    let path = format!("/api/v1/imports/{}", started["import_id"].as_str().unwrap());
    let mut statuses = vec![started];
    while statuses.last().unwrap()["status"] == json!("running") {
        statuses.push(browser.get(&path).await.json());
    }
    let second_import = browser.import(file).await;

    let done: Vec<u64> = statuses.iter().map(|status| status["done"].as_u64().unwrap()).collect();
    assert!(done.is_sorted(), "{done:?}");
    assert!(done.iter().any(|done| (1..CONVERSATIONS).contains(done)), "{done:?}");
    let last = statuses.last().unwrap();
    assert_eq!(counts(last), ("complete", CONVERSATIONS, 0, 4 * CONVERSATIONS));
    assert_eq!((&last["done"], &last["of"]), (&json!(CONVERSATIONS), &json!(CONVERSATIONS)));
    assert_eq!(counts(&second_import), ("complete", 0, CONVERSATIONS, 0));
    let exported = browser.get("/api/v1/export").await.json();
    assert_eq!(exported["conversations"].as_array().unwrap().len(), 300);
}

#[tokio::test]
async fn slow_uploads_take_no_import_permits() {
    const UPLOADS: usize = 10;
    let server = TestServer::start().await;
    let browsers: Vec<_> = (0..UPLOADS).map(|_| server.browser()).collect();
    for browser in &browsers {
        browser.start_conversation().await;
    }
    let other = server.browser();
    let import_during_upload = async {
        for browser in &browsers {
            // A second upload of the same user is rejected as soon as the first one has started.
            while browser.post_import("[]").await.status != 409 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        other.import(CHATGPT).await
    };

    let import = tokio::select! {
        _ = join_all(browsers.iter().map(upload_endlessly)) => panic!("an endless upload ended"),
        import = import_during_upload => import,
    };

    assert_eq!(counts(&import), ("complete", 2, 0, 6));
}

#[tokio::test]
async fn an_import_without_a_file_is_rejected() {
    let server = TestServer::start().await;
    let browser = server.browser();

    let with_key = |body: &'static str| {
        let request = browser.request(Method::POST, "/api/v1/imports");
        browser.send(request.header("Idempotency-Key", "a-key-of-this-import").body(body))
    };

    let without_body = browser.post("/api/v1/imports").await;
    let with_white_space = browser.post_import(" \n").await;
    let accepted = with_key("[]").await;
    let repeated = with_key("[]").await;
    let repeated_without_body = with_key("").await;

    assert_eq!(without_body.status_and_code(), (400, "invalid_request".to_owned()));
    assert_eq!(with_white_space.status_and_code(), (400, "invalid_request".to_owned()));
    assert_eq!((accepted.status.as_u16(), repeated.status.as_u16()), (202, 202));
    assert_eq!(repeated.json()["import_id"], accepted.json()["import_id"]);
    assert_eq!(repeated_without_body.status_and_code(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn a_user_whose_storage_is_full_can_read_and_delete_but_not_store() {
    let server = TestServer::with_settings(&[("MAX_STORED_MB_PER_USER", "1")]).await;
    let (browser, other) = (server.browser(), server.browser());
    let id = browser.start_conversation().await;

    let import = browser.import(chatgpt_file(10, 400)).await;
    let path = format!("/api/v1/conversations/{id}/messages");
    let text = json!({ "message": "x ".repeat(200_000) });
    let message = browser.send(browser.request(Method::POST, &path).json(&text)).await;

    assert_eq!(import["status"], json!("failed"));
    assert_eq!(import["error"]["code"], json!("storage_full"));
    let error = import["error"]["message"].as_str().unwrap();
    assert!(error.contains("at most 1 MB") && error.contains("Delete conversations"), "{error}");
    assert_eq!(import["imported"], json!(2));
    assert_eq!(message.status_and_code(), (507, "storage_full".to_owned()));
    assert_eq!(browser.get(&path).await.status, 200);
    assert_eq!(counts(&other.import(CHATGPT).await).0, "complete");
}

/// Starts an upload that never ends. Tries again whenever the upload is rejected.
async fn upload_endlessly(browser: &Browser) {
    loop {
        let beginning = stream::once(async { Ok::<_, std::io::Error>("[") });
        browser.post_import(Body::wrap_stream(beginning.chain(stream::pending()))).await;
    }
}

/// Creates a file in the format of ChatGPT with this number of conversations and of messages per conversation.
fn chatgpt_file(conversations: u64, messages: u64) -> String {
    let mut file = "[".to_owned();
    for number in 0..conversations {
        let separator = if number == 0 { "" } else { "," };
        write!(
            file,
            "{separator}{{\"id\": \"{number}\", \"create_time\": {number}, \"mapping\": {{"
        )
        .unwrap();
        for index in 0..messages {
            let separator = if index == 0 { "" } else { "," };
            let (role, parent) =
                (["user", "assistant"][usize::from(index % 2 == 1)], index.max(1) - 1);
            let parent = if index == 0 { "null".to_owned() } else { format!("\"{parent}\"") };
            let text = "The moon causes the tides of the sea twice a day. ".repeat(10);
            write!(
                file,
                "{separator}\"{index}\": {{\"parent\": {parent}, \"message\": {{\"author\": \
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
