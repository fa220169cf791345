//! The metrics, and their endpoint.
#![expect(clippy::float_cmp, reason = "the compared values are whole numbers")]

mod monitoring;

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::{sleep, timeout};
use webchat_tests::{Browser, FreePort, TIMEOUT, TestServer};

const TOKEN: &str = "a-token-for-prometheus";

/// Fetches the values of all series, by name and labels as printed.
async fn series(browser: &Browser) -> BTreeMap<String, f64> {
    let text = browser.get("/metrics").await.text;
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parsed = lines.map(|line| line.rsplit_once(' ').unwrap());
    parsed.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
}

/// Waits until a series has this value.
async fn wait_for(browser: &Browser, name: &str, value: f64) {
    let wait = async {
        while series(browser).await.get(name) != Some(&value) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    if timeout(TIMEOUT, wait).await.is_err() {
        let family = name.split('{').next().unwrap();
        let mut existing = series(browser).await;
        existing.retain(|name, _| name.starts_with(family));
        panic!("timed out waiting for {name} {value}: {existing:?}");
    }
}

async fn ask(browser: &Browser) -> webchat_tests::Response {
    let id = browser.start_conversation().await;
    let path = format!("/api/v1/conversations/{id}/messages");
    let request = browser.request(Method::POST, &path).json(&json!({"message": "Why tides?"}));
    browser.send(request).await
}

#[tokio::test]
async fn the_time_of_the_model_and_of_the_server_are_measured_separately() {
    const DELAY: f64 = 1.0;
    let server = TestServer::with_settings(&[("METRICS", "on")]).await;
    let browser = server.browser();
    // The first turn loads the tokenizer.
    ask(&browser).await;
    let before = series(&browser).await;

    let answer = server.model.next_answer();
    let slow_model = async {
        sleep(Duration::from_secs_f64(DELAY)).await;
        answer.send("Because");
        answer.finish();
    };
    let (response, ()) = tokio::join!(ask(&browser), slow_model);

    let timing = response.header("server-timing").to_owned();
    let parts: Vec<f64> = timing
        .split(", ")
        .map(|part| part.split_once(";dur=").unwrap().1.parse::<f64>().unwrap() / 1_000.0)
        .collect();
    let [app, turn] = parts[..] else { panic!("{timing}") };
    assert!(timing.starts_with("app;dur=") && timing.contains("turn;dur="), "{timing}");
    assert!(app < DELAY / 2.0 && turn > DELAY / 2.0, "{timing}");
    let after = series(&browser).await;
    let increase = |name: &str| after[name] - before[name];
    let model = increase("webchat_model_first_text_seconds_sum{purpose=\"answer\"}");
    let overhead = increase("webchat_first_text_overhead_seconds_sum");
    assert!(
        model > DELAY / 2.0 && overhead < DELAY / 2.0,
        "model: {model} s, server: {overhead} s"
    );
    for name in [
        "webchat_turn_accept_seconds_count",
        "webchat_context_plan_seconds_count",
        "webchat_first_text_overhead_seconds_count",
        "webchat_answer_save_seconds_count",
        "webchat_turns_total{finish_reason=\"stop\"}",
        "webchat_model_requests_total{purpose=\"answer\",outcome=\"completed\"}",
    ] {
        assert_eq!(increase(name), 1.0, "{name}");
    }
    assert_eq!(after["webchat_turns_running"], 0.0);
    assert_eq!(after["webchat_events_pending"], 0.0);
}

#[tokio::test]
async fn stopped_and_failed_answers_are_counted_by_outcome() {
    let server = TestServer::with_settings(&[("METRICS", "on")]).await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;

    let answer = server.model.next_answer();
    socket.send("send_message", json!({"message": "Why tides?"})).await;
    answer.send("Because");
    socket.receive_until("response_chunk").await;
    let running = series(&browser).await["webchat_turns_running"];
    socket.send("stop", json!({"conversation_id": id})).await;
    socket.receive_until("response_end").await;
    // A model request that fails before any text is sent again.
    server.model.next_answer().disconnect();
    let interrupted = server.model.next_answer();
    socket.send("send_message", json!({"message": "Why?", "conversation_id": id})).await;
    interrupted.send("Because");
    socket.receive_until("response_chunk").await;
    interrupted.disconnect();

    assert_eq!(running, 1.0);
    for (name, value) in [
        ("webchat_turns_total{finish_reason=\"stopped\"}", 1.0),
        ("webchat_turns_total{finish_reason=\"failed\"}", 1.0),
        ("webchat_model_requests_total{purpose=\"answer\",outcome=\"cancelled\"}", 1.0),
        ("webchat_turn_failures_total{code=\"model_failed\"}", 1.0),
        ("webchat_model_retries_total", 1.0),
        ("webchat_turns_running", 0.0),
    ] {
        wait_for(&browser, name, value).await;
    }
}

#[tokio::test]
async fn closed_connections_are_counted_by_reason() {
    let settings = [("METRICS", "on"), ("WS_MESSAGES_PER_S", "1")];
    let server = TestServer::with_settings(&settings).await;
    let (browser, socket) = server.socket().await;
    let (_, mut flooding_socket) = server.socket().await;

    wait_for(&browser, "webchat_connections{kind=\"websocket\"}", 2.0).await;
    drop(socket);
    for _ in 0..30 {
        flooding_socket.send_ignoring_errors("{".into()).await;
    }
    flooding_socket.wait_until_closed().await;

    let closed = |reason: &str| {
        format!("webchat_connections_closed_total{{kind=\"websocket\",reason=\"{reason}\"}}")
    };
    wait_for(&browser, &closed("client_closed"), 1.0).await;
    wait_for(&browser, &closed("too_many_messages"), 1.0).await;
    wait_for(&browser, "webchat_connections{kind=\"websocket\"}", 0.0).await;
}

#[tokio::test]
async fn requests_are_measured_by_route_and_not_by_path() {
    let server = TestServer::with_settings(&[("METRICS", "on")]).await;
    let browser = server.browser();
    let id = browser.start_conversation().await;

    browser.get(&format!("/api/v1/conversations/{id}")).await;
    let invented = browser.request(Method::from_bytes(b"INVENTED").unwrap(), "/nothing");
    browser.send(invented).await;

    let text = browser.get("/metrics").await.text;
    let is_measured = |labels: &str| {
        text.contains(&format!("webchat_http_request_seconds_count{{{labels}}} 1\n"))
    };
    assert!(
        is_measured("method=\"GET\",route=\"/api/v1/conversations/{id}\",status=\"2xx\""),
        "{text}"
    );
    assert!(text.contains("method=\"other\""), "{text}");
    assert!(!text.contains(&id) && !text.contains("INVENTED"), "{text}");
}

#[tokio::test]
async fn with_a_metrics_token_only_clients_that_send_it_get_metrics() {
    let server = TestServer::with_settings(&[("METRICS", "on"), ("METRICS_TOKEN", TOKEN)]).await;
    let browser = server.browser();
    let get_with_authorization = |value: String| {
        browser.send(browser.request(Method::GET, "/metrics").header("authorization", value))
    };

    let without_token = browser.get("/metrics").await;
    assert_eq!(without_token.status_and_code(), (401, "metrics_token_required".to_owned()));
    assert_eq!(without_token.header("www-authenticate"), "Bearer");
    for wrong in
        ["Bearer", "Bearer ", "Bearer a-token-for-prometheu", "Basic a-token-for-prometheus"]
    {
        assert_eq!(get_with_authorization(wrong.to_owned()).await.status, 401, "{wrong}");
    }
    for right in ["Bearer ", "bearer ", "Bearer  "].map(|scheme| format!("{scheme}{TOKEN}")) {
        let response = get_with_authorization(right).await;
        assert_eq!(response.status, 200);
        assert!(!response.text.contains(TOKEN));
    }
}

#[tokio::test]
async fn with_a_metrics_address_metrics_are_served_only_there() {
    let port = FreePort::choose();
    let address = format!("127.0.0.1:{}", port.number());
    let settings = [("METRICS", "on"), ("METRICS_ADDR", address.as_str())];
    let server = TestServer::with_settings(&settings).await;
    let metrics = port.browser("/");

    assert_eq!(server.browser().get("/metrics").await.status, 404);
    assert_eq!(series(&metrics).await["webchat_ready"], 1.0);
    assert_eq!(metrics.get("/api/v1/conversations").await.status, 404);
    server.shutdown().await;
    assert!(metrics.request(Method::GET, "/metrics").send().await.is_err());
}
