//! Headers and protocol versions of old and unusual clients and proxies.

use reqwest::header::{ACCEPT, COOKIE, HeaderValue};
use reqwest::{Method, Version};
use serde_json::json;
use webchat_tests::{Browser, EventStream, Response, TestServer};

#[tokio::test]
async fn the_session_is_found_among_invalid_cookies_and_those_of_other_servers() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let path = format!("/api/v1/conversations/{}", browser.start_conversation().await);
    let own = browser.cookie();
    let (name, _) = own.split_once('=').unwrap();

    for cookies in [
        [b"theme=\xfc; ", own.as_bytes()].concat(),
        format!("{name}=of-another-server; {own}").into_bytes(),
        format!("a=1, {own}").into_bytes(),
    ] {
        let value = HeaderValue::from_bytes(&cookies).unwrap();
        let found = browser.send(browser.request(Method::GET, &path).header(COOKIE, value)).await;
        assert_eq!(found.status, 200, "{}", cookies.escape_ascii());
    }
}

#[tokio::test]
async fn a_stream_over_http_1_0_has_no_chunks_and_ends_with_the_connection() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let path = format!("/api/v1/conversations/{}/messages", browser.start_conversation().await);

    let request = browser.request(Method::POST, &path).json(&json!({"message": "tide"}));
    let request = request.version(Version::HTTP_10).header(ACCEPT, "text/event-stream");
    let stream = browser.send(request).await;

    assert_eq!(stream.header("transfer-encoding"), "");
    assert!(stream.text.starts_with("event: "), "{}", stream.text);
    assert!(stream.text.contains("event: token_usage"), "{}", stream.text);
}

#[tokio::test]
async fn the_accept_header_of_javas_url_connection_gets_json() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let path = format!("/api/v1/conversations/{}/messages", browser.start_conversation().await);

    let request = browser.request(Method::POST, &path).json(&json!({"message": "tide"}));
    let accept = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2";
    let answered = browser.send(request.header(ACCEPT, accept)).await;

    assert_eq!(answered.status, 200, "{answered:?}");
    assert_eq!(answered.header("content-type"), "application/json");
}

#[tokio::test]
async fn a_quoted_idempotency_key_is_the_key_without_quotes() {
    let server = TestServer::start().await;
    let browser = server.browser();
    browser.start_conversation().await;
    let create = async |key: &str| {
        let request = browser.request(Method::POST, "/api/v1/conversations");
        browser.send(request.header("idempotency-key", key)).await
    };

    let ids = [create("k1").await, create("\"k1\"").await]
        .map(|created| created.json()["conversation_id"].clone());

    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_client_that_offers_http_2_learns_that_the_connection_is_closed() {
    let server = TestServer::start().await;

    let request = server.browser().request(Method::GET, "/get_config").header("upgrade", "h2c");
    let request = request.header("connection", "Upgrade, HTTP2-Settings");
    let response = server.browser().send(request.header("http2-settings", "AAEAAEAA")).await;

    assert_eq!((response.status.as_u16(), response.header("connection")), (200, "close"));
}

/// Sends a request with these headers and a blank message.
async fn send(browser: &Browser, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = browser.request(method, path).body(r#"{"message": " "}"#);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    browser.send(request).await
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn json_is_recognised_in_each_form_of_its_content_type() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let path = format!("/api/v1/conversations/{}/messages", browser.start_conversation().await);
    for (types, status) in [
        (vec!["application/json; charset=utf-8"], 422),
        (vec!["Application/JSON ; charset"], 422),
        (vec!["application/json;"], 422),
        (vec!["application/json, application/json,"], 422),
        (vec!["application/json", "application/json"], 422),
        (vec!["application/json", "application/vnd.api+json"], 422),
        (vec!["application/json", "text/plain"], 415),
        (vec!["text/plain; application/json"], 415),
        (vec![", "], 415),
        (vec![""], 415),
        (vec![], 415),
    ] {
        let headers: Vec<_> = types.iter().map(|name| ("content-type", *name)).collect();

        let response = send(&browser, Method::POST, &path, &headers).await;

        assert_eq!(response.status.as_u16(), status, "{types:?} {}", response.text);
    }
}

#[tokio::test]
async fn a_repeated_header_counts_once_if_its_values_agree() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let events = format!("/api/v1/conversations/{id}/events");
    let messages = format!("/api/v1/conversations/{id}/messages");
    let origin = browser.base().origin().ascii_serialization();
    let (create, import) = ("/api/v1/conversations", "/api/v1/imports");
    let form = "multipart/form-data; boundary=a";
    for (method, path, name, values, status, text) in [
        (Method::POST, messages.as_str(), "origin", [origin.as_str(), &origin], 422, "No message"),
        (Method::POST, &messages, "origin", [&origin, "http://x.example"], 403, "origin"),
        (Method::POST, create, "idempotency-key", ["a", "a"], 201, "conversation_id"),
        (Method::POST, create, "idempotency-key", ["a", "b"], 400, "`Idempotency-Key`"),
        (Method::GET, &events, "last-event-id", ["1", "2"], 400, "`Last-Event-ID`"),
        (Method::POST, import, "content-type", [form, "text/plain"], 400, "`Content-Type`"),
    ] {
        let mut headers = vec![(name, values[0]), (name, values[1])];
        if path == messages {
            headers.push(JSON);
        }

        let response = send(&browser, method, path, &headers).await;

        assert_eq!(response.status.as_u16(), status, "{name} {values:?} {}", response.text);
        assert!(response.text.contains(text), "{name} {values:?} {}", response.text);
        let is_ambiguous = response.text.contains("was sent more than once, with different values");
        assert_eq!(is_ambiguous, status == 400, "{name} {values:?} {}", response.text);
    }
}

#[tokio::test]
async fn a_value_that_the_client_does_not_have_counts_as_missing() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let path = format!("/api/v1/conversations/{id}");

    for value in ["", "%20", "null", "undefined", "None", "nil"] {
        for path in [
            format!("/api/v1/conversations?limit={value}&cursor={value}&archived={value}"),
            format!("{path}/messages?limit={value}&before={value}"),
            format!("{path}/export?format={value}"),
            format!("/api/v1/search?q=null&limit={value}"),
        ] {
            let response = browser.get(&path).await;
            assert_eq!(response.status, 200, "{path} {}", response.text);
        }
        let events = browser.request(Method::GET, &format!("{path}/events?after={value}"));
        EventStream::open(events).await.expect("subscribed").await;
    }
    for header in ["", " ", "null", "undefined", "0", " 0 ", "0.0"] {
        let events = browser.request(Method::GET, &format!("{path}/events"));
        let events = events.header("last-event-id", header);
        EventStream::open(events).await.expect("subscribed").await;
    }
    for key in ["undefined", "null", "\"None\""] {
        let create = || {
            let request = browser.request(Method::POST, "/api/v1/conversations");
            browser.send(request.header("idempotency-key", key))
        };
        let (first, second) = (create().await.json(), create().await.json());
        assert_ne!(first["conversation_id"], second["conversation_id"], "{key}");
    }
}

#[tokio::test]
async fn a_flag_in_a_query_may_be_written_as_in_any_language() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    browser
        .patch(&format!("/api/v1/conversations/{id}"), &json!({"archived": true, "title": "Old"}))
        .await;

    for (value, expected) in
        [("true", 1), ("True", 1), ("1", 1), ("false", 0), ("False", 0), ("0", 0), ("FALSE", 0)]
    {
        let list = browser.get(&format!("/api/v1/conversations?archived={value}")).await.json();
        assert_eq!(list["conversations"].as_array().map(Vec::len), Some(expected), "{value}");
    }
    let invalid = browser.get("/api/v1/conversations?archived=maybe").await;
    assert_eq!(invalid.status_and_code(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn an_integer_may_be_written_as_a_number_without_a_fraction() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let path = format!("/api/v1/conversations/{id}");
    let send = async |method: Method, path: &str, body: &str| {
        let request = browser.request(method, path).header("content-type", "application/json");
        let response = browser.send(request.body(body.to_owned())).await;
        (response.status.as_u16(), response.text)
    };
    let messages = format!("{path}/messages");
    let context = format!("{path}/context");

    for (method, path, body, status, text) in [
        (Method::POST, &messages, r#"{"message": "a", "expected_position": 0.0}"#, 200, "stop"),
        (Method::POST, &messages, r#"{"message": "a", "expected_position": 2e0}"#, 200, "stop"),
        (Method::POST, &messages, r#"{"message": "a", "expected_position": 3.0}"#, 409, "stale"),
        (
            Method::POST,
            &messages,
            r#"{"message": "a", "expected_position": 3.5}"#,
            422,
            "invalid value: number, expected an integer, 0 or more",
        ),
        (
            Method::POST,
            &messages,
            r#"{"message": "a", "expected_position": -1.0}"#,
            422,
            "expected an integer, 0 or more",
        ),
        (
            Method::POST,
            &messages,
            r#"{"message": "a", "expected_position": 1e300}"#,
            422,
            "expected an integer, 0 or more",
        ),
        (
            Method::POST,
            &messages,
            r#"{"message": "a", "expected_position": "3"}"#,
            422,
            "invalid type: string, expected an integer, 0 or more",
        ),
        (Method::PATCH, &context, r#"{"parameters": {"seed": -7.0}}"#, 200, r#""seed":-7"#),
        (Method::PATCH, &context, r#"{"parameters": {"seed": 7.5}}"#, 422, "expected an integer"),
        (Method::GET, &format!("{messages}?limit=1.0&before=3e0"), "", 200, r#""next_before":2"#),
        (Method::GET, &format!("{messages}?limit=1.5"), "", 400, "expected an integer, 0 or more"),
    ] {
        let (actual_status, actual_text) = send(method, path, body).await;

        assert_eq!(actual_status, status, "{path} {body} {actual_text}");
        assert!(actual_text.contains(text), "{path} {body} {actual_text}");
    }
}

#[tokio::test]
async fn an_invalid_body_is_refused_in_the_words_of_json() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let path = format!("/api/v1/conversations/{}/context", browser.start_conversation().await);

    for (body, status, text) in [
        (
            r#"{"parameters": {"temperature": "hot"}}"#,
            422,
            "`parameters.temperature`: invalid type: string, expected a number",
        ),
        (
            r#"{"system_prompt": {}}"#,
            422,
            "`system_prompt`: invalid type: object, expected a string",
        ),
        ("", 400, "it is empty"),
        ("{", 400, "it ends too early"),
    ] {
        let request = browser.request(Method::PATCH, &path);
        let request = request.header("content-type", "application/json").body(body);
        let response = browser.send(request).await;

        assert_eq!(response.status.as_u16(), status, "{body} {}", response.text);
        assert!(response.text.contains(text), "{body} {}", response.text);
    }
}
