//! Conditional requests: `If-None-Match` and `If-Match`.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use webchat_tests::{Browser, Response, TestServer};

/// A server with a conversation.
struct TestChat {
    _server: TestServer,
    browser: Browser,
    path: String,
}

impl TestChat {
    async fn open() -> Self {
        let server = TestServer::start().await;
        let browser = server.browser();
        let created = browser.post("/api/v1/conversations").await.json();
        let path =
            format!("/api/v1/conversations/{}", created["conversation_id"].as_str().unwrap());
        Self { _server: server, browser, path }
    }

    fn request(&self, method: Method, rest: &str, body: &Value) -> RequestBuilder {
        self.browser.request(method, &format!("{}{rest}", self.path)).json(body)
    }

    async fn etag(&self, rest: &str) -> String {
        let response = self.browser.get(&format!("{}{rest}", self.path)).await;
        let etag = response.header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.len() > 10, "{response:?}");
        etag
    }
}

fn assert_conflict(response: &Response) {
    assert_eq!(response.status_and_code(), (412, "stale".to_owned()), "{response:?}");
}

#[tokio::test]
async fn a_get_request_with_the_current_etag_returns_304() {
    let chat = TestChat::open().await;
    for rest in ["", "/context"] {
        let etag = chat.etag(rest).await;
        let get_if_none_match = async |tags: &str| {
            let request = chat.browser.request(Method::GET, &format!("{}{rest}", chat.path));
            chat.browser.send(request.header("if-none-match", tags)).await
        };

        let same = get_if_none_match(&etag).await;
        let among_others = get_if_none_match(&format!("\"x\", W/{etag}")).await;
        let other = get_if_none_match("\"x\"").await;
        let invalid = get_if_none_match("x").await;

        assert_eq!((same.status.as_u16(), same.text.as_str()), (304, ""));
        assert_eq!(same.header("etag"), etag);
        assert_eq!(among_others.status, 304);
        assert_eq!((other.status.as_u16(), invalid.status.as_u16()), (200, 200));
    }
}

#[tokio::test]
async fn a_conversation_is_changed_only_if_its_etag_matches() {
    let chat = TestChat::open().await;
    let etag = chat.etag("").await;
    let change = async |title: &str, tag: &str| {
        let request = chat.request(Method::PATCH, "", &json!({"title": title}));
        chat.browser.send(request.header("if-match", tag)).await
    };

    let first = change("first", &etag).await;
    let with_old_etag = change("second", &etag).await;
    let with_new_etag = change("third", first.header("etag")).await;
    let with_any = change("fourth", "*").await;
    let with_invalid = change("sixth", "unquoted").await;
    let delete = |tag: &str| {
        let request = chat.browser.request(Method::DELETE, &chat.path);
        chat.browser.send(request.header("if-match", tag))
    };
    let deleted_with_old_etag = delete(&etag).await;
    let deleted = delete(with_any.header("etag")).await;

    assert_eq!(
        (first.status.as_u16(), with_new_etag.status.as_u16(), with_any.status.as_u16()),
        (200, 200, 200)
    );
    assert_conflict(&with_old_etag);
    assert_conflict(&with_invalid);
    assert_conflict(&deleted_with_old_etag);
    assert_eq!(deleted.status, 204);
}

#[tokio::test]
async fn a_context_is_changed_only_if_its_etag_matches() {
    let chat = TestChat::open().await;
    let etag = chat.etag("/context").await;
    let change = async |prompt: &str, tag: &str| {
        let request = chat.request(Method::PATCH, "/context", &json!({"system_prompt": prompt}));
        chat.browser.send(request.header("if-match", tag)).await
    };
    let change_summary = async |method: Method, tag: &str| {
        let request = chat.request(method, "/context/summary", &json!({"text": "x"}));
        chat.browser.send(request.header("if-match", tag)).await
    };

    let first = change("Be brief.", &etag).await;
    let with_old_etag = change("Be verbose.", &etag).await;
    let with_new_etag = change("Be kind.", first.header("etag")).await;

    assert_eq!((first.status.as_u16(), with_new_etag.status.as_u16()), (200, 200));
    assert_conflict(&with_old_etag);
    assert_conflict(&change_summary(Method::PUT, &etag).await);
    assert_conflict(&change_summary(Method::DELETE, &etag).await);
    assert_eq!(
        change_summary(Method::PUT, with_new_etag.header("etag")).await.status_and_code().1,
        "no_summary"
    );
}

#[tokio::test]
async fn an_etag_is_recognised_as_proxies_and_clients_change_it() {
    let chat = TestChat::open().await;
    let mut tag = chat.etag("").await.trim_matches('"').to_owned();
    let forms = |tag: &str| {
        [
            format!("W/\"{tag}\""),
            format!("w/\"{tag}\""),
            format!("\"{tag}-gzip\""),
            format!("\"{tag}--gzip\""),
            format!("\"{tag};br\""),
            format!("W/\"{tag}:zstd\""),
            tag.to_owned(),
            format!("  \"{tag}\" "),
            format!("\"x\", W/\"y,z\",\"{tag}\""),
            "\"x\", *".to_owned(),
            "*".to_owned(),
        ]
    };

    for number in 0..forms(&tag).len() {
        let form = &forms(&tag)[number];
        let request = chat.browser.request(Method::GET, &chat.path).header("if-none-match", form);
        assert_eq!(chat.browser.send(request).await.status, 304, "{form}");

        let request = chat.request(Method::PATCH, "", &json!({"title": format!("{number}")}));
        let changed = chat.browser.send(request.header("if-match", form)).await;
        assert_eq!(changed.status, 200, "{form}");
        changed.header("etag").trim_matches('"').clone_into(&mut tag);
    }
    let (shorter, _) = tag.split_at(tag.len() - 1);
    for form in ["", "undefined", "\"\"", shorter, &format!("\"{tag}0\"")] {
        let request = chat.request(Method::PATCH, "", &json!({"title": "other"}));
        assert_conflict(&chat.browser.send(request.header("if-match", form)).await);
    }
}

#[tokio::test]
async fn several_headers_are_one_list_of_tags() {
    let chat = TestChat::open().await;
    let tag = chat.etag("").await;

    let request = chat.browser.request(Method::GET, &chat.path).header("if-none-match", "\"x\"");
    let known = chat.browser.send(request.header("if-none-match", &tag)).await;
    let request = chat.request(Method::PATCH, "", &json!({"title": "Tides"}));
    let changed =
        chat.browser.send(request.header("if-match", "\"x\"").header("if-match", &tag)).await;

    assert_eq!((known.status.as_u16(), changed.status.as_u16()), (304, 200));
}
