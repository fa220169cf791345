//! Traces that are exported over OTLP.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;
use webchat_tests::{
    Browser, Process, ReceivedSpan, ScriptedModel, SocketIo, TraceReceiver, Transport,
};

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_ID: &str = "0102030405060708";

/// The maximum duration of requests without a delay: less than the timeout of an export that hangs.
const MAX_DURATION: Duration = Duration::from_secs(4);

/// A server that exports its traces.
struct TracedServer {
    process: Process,
    model: ScriptedModel,
    receiver: TraceReceiver,
    _dir: TempDir,
}

impl TracedServer {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let (model, receiver) = (ScriptedModel::start(), TraceReceiver::start());
        let dir = tempfile::tempdir().unwrap();
        let required = [
            ("AZURE_API_URL", model.url()),
            ("MODEL", "scripted"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url()),
        ];
        let process = Process::start(dir.path(), &[&required, settings].concat()).await;
        Self { process, model, receiver, _dir: dir }
    }
}

/// Sends a question over REST as a part of the client's trace. Returns the conversation's id.
async fn ask(browser: &Browser, question: &str, flags: &str) -> String {
    let id = browser.start_conversation().await;
    let path = format!("/api/v1/conversations/{id}/messages");
    let request = browser
        .request(Method::POST, &path)
        .header("traceparent", format!("00-{TRACE_ID}-{PARENT_ID}-{flags}"))
        .json(&json!({"message": question}));
    let response = browser.send(request).await;
    assert_eq!(response.status, StatusCode::OK, "{response:?}");
    id
}

const POST_MESSAGE: &str = "POST /api/v1/conversations/{id}/messages";

#[tokio::test]
async fn a_rest_request_continues_the_trace_of_the_client_and_propagates_it_to_the_model() {
    let server = TracedServer::start(&[]).await;
    let answer = server.model.next_answer();
    let slow_answer = async {
        answer.send("Because.");
        sleep(Duration::from_secs(2)).await;
        answer.report_usage(12, 3);
        answer.finish();
    };

    let browser = server.process.browser();
    let (id, ()) = tokio::join!(ask(&browser, "Why?", "01"), slow_answer);

    let request = server.receiver.span(POST_MESSAGE).await;
    let turn = server.receiver.span("turn").await;
    let model = server.receiver.span("chat scripted").await;
    let plan = server.receiver.span("plan context").await;
    let save = server.receiver.span("save answer").await;
    assert_eq!((request.trace_id.as_str(), request.parent_id.as_str()), (TRACE_ID, PARENT_ID));
    assert!(turn.is_child_of(&request), "{turn:?} {request:?}");
    for child in [&model, &plan, &save] {
        assert!(child.is_child_of(&turn), "{child:?} {turn:?}");
        assert!(child.duration <= turn.duration && !child.is_error, "{child:?} {turn:?}");
    }
    // The model has spent less than the two seconds, because its request started after the timer.
    assert!(
        model.duration > Duration::from_millis(500),
        "the span ended before the answer: {model:?}"
    );
    assert_attributes(
        &request,
        2,
        &json!({
            "http.request.method": "POST",
            "http.route": "/api/v1/conversations/{id}/messages",
            "http.response.status_code": 200,
        }),
    );
    assert_attributes(
        &turn,
        1,
        &json!({"gen_ai.conversation.id": id, "webchat.turn.finish_reason": "stop"}),
    );
    assert_attributes(
        &model,
        3,
        &json!({
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "scripted",
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.usage.input_tokens": 12,
            "gen_ai.usage.output_tokens": 3,
            "server.address": "127.0.0.1",
        }),
    );
    let expected = format!("00-{TRACE_ID}-{}-01", model.span_id);
    assert_eq!(server.model.trace_parents(), [Some(expected)]);
}

/// Asserts that the span has this kind and at least these attributes.
fn assert_attributes(span: &ReceivedSpan, kind: i32, expected: &Value) {
    assert_eq!(span.kind, kind, "{span:?}");
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(span.attribute(name), *value, "{name} of {span:?}");
    }
}

#[tokio::test]
async fn without_a_trace_receiver_the_model_gets_no_traceparent() {
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let process = Process::start(dir.path(), &[("AZURE_API_URL", model.url())]).await;

    ask(&process.browser(), "Why?", "01").await;

    let sent = model.trace_parents();
    assert!(!sent.is_empty() && sent.iter().all(Option::is_none), "{sent:?}");
}

#[tokio::test]
async fn traces_contain_no_texts_keys_or_cookies() {
    let server = TracedServer::start(&[
        ("API_KEY", "canary-of-the-key"),
        ("SYSTEM_PROMPT", "canary-of-the-prompt"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=canary-of-the-header"),
        ("AUTO_TITLES", "on"),
    ])
    .await;
    let browser = server.process.browser();
    let answer = server.model.next_answer();
    answer.send("canary-of-the-answer");
    answer.finish();

    ask(&browser, "canary-of-the-question", "01").await;

    server.receiver.span("turn").await;
    let title = server.receiver.span("generate title").await;
    assert!(server.receiver.spans().iter().any(|span| span.is_child_of(&title)));
    let bodies = server.receiver.bodies();
    assert!(!bodies.contains("canary"), "{bodies}");
    assert!(bodies.contains("scripted"), "{bodies}");
    let keys = server.receiver.keys();
    assert!(keys.iter().all(|key| key == "canary-of-the-header"), "{keys:?}");
    assert!(!server.process.log().contains("canary"), "{}", server.process.log());
}

#[tokio::test]
async fn a_question_over_a_live_connection_starts_a_trace() {
    let server = TracedServer::start(&[]).await;
    let browser = server.process.browser();
    let id = browser.start_conversation().await;
    let mut socket = browser.connect().await;
    socket.ask(&id, "first").await;
    let mut socket_io = SocketIo::connect(&browser, Transport::Polling).await;
    let data = json!({"conversation_id": id, "message": "second"});
    socket_io.emit("send_message", data, None).await;
    socket.receive_until("response_end").await;

    let receive_turns = || async {
        let spans = server.receiver.spans();
        let turns: Vec<_> = spans.iter().filter(|span| span.name == "turn").cloned().collect();
        (spans, turns)
    };
    let (spans, turns) = loop {
        let (spans, turns) = receive_turns().await;
        if turns.len() == 2 && spans.iter().filter(|span| span.name == "send_message").count() == 2
        {
            break (spans, turns);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };

    for turn in &turns {
        let event = spans.iter().find(|span| turn.is_child_of(span)).unwrap();
        assert_eq!((event.name.as_str(), event.parent_id.as_str()), ("send_message", ""));
        let model = spans.iter().find(|span| span.is_child_of(turn) && span.kind == 3);
        assert_eq!(model.unwrap().name, "chat scripted");
    }
    assert_ne!(turns[0].trace_id, turns[1].trace_id);
}

#[tokio::test]
async fn a_failed_model_request_marks_its_span_and_the_turn_as_errors() {
    let server = TracedServer::start(&[]).await;

    ask_and_fail(&server).await;

    let model = server.receiver.span("chat scripted").await;
    let turn = server.receiver.span("turn").await;
    for span in [&model, &turn] {
        assert!(span.is_error, "{span:?}");
        assert_eq!(span.attribute("error.type"), "model_failed", "{span:?}");
    }
    assert_eq!(turn.attribute("webchat.turn.finish_reason"), "failed");
}

/// Sends a question, and closes the model's connection in the middle of the answer.
async fn ask_and_fail(server: &TracedServer) {
    let answer = server.model.next_answer();
    let browser = server.process.browser();
    let id = browser.start_conversation().await;
    let mut socket = browser.connect().await;
    socket.send("send_message", json!({"conversation_id": id, "message": "Why?"})).await;
    answer.send("Well, ");
    socket.receive_until("response_chunk").await;
    answer.disconnect();
    while socket.receive().await.0 != "response_end" {}
}

#[tokio::test]
async fn traces_that_are_not_sampled_are_not_exported() {
    for (ratio, flags) in [("0", "01"), ("1", "00")] {
        let mut server = TracedServer::start(&[("OTEL_TRACES_SAMPLER_ARG", ratio)]).await;

        ask(&server.process.browser(), "Why?", flags).await;
        server.process.terminate().await;
        assert!(server.process.wait_for_exit().await);

        let spans = server.receiver.spans();
        let of_trace = spans.iter().filter(|span| span.trace_id == TRACE_ID).count();
        assert_eq!(of_trace, 0, "{ratio} {flags}: {spans:?}");
        assert_eq!(spans.is_empty(), ratio == "0", "{ratio} {flags}: {spans:?}");
    }
}

#[tokio::test]
async fn the_last_spans_are_exported_at_shutdown() {
    let mut server = TracedServer::start(&[]).await;

    ask(&server.process.browser(), "Why?", "01").await;
    server.process.terminate().await;
    assert!(server.process.wait_for_exit().await);

    assert!(server.receiver.spans().iter().any(|span| span.name == "turn"));
}

#[tokio::test]
async fn an_unresponsive_or_unreachable_trace_receiver_delays_neither_answers_nor_the_shutdown() {
    // This listener accepts connections, but never responds.
    let unresponsive = TcpListener::bind("127.0.0.1:0").unwrap();
    let unresponsive_url = format!("http://{}", unresponsive.local_addr().unwrap());
    for url in [unresponsive_url.as_str(), "http://127.0.0.1:9"] {
        let mut server = TracedServer::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", url)]).await;
        let browser = server.process.browser();
        let start = Instant::now();

        for _ in 0..10 {
            ask(&browser, "Why?", "01").await;
        }
        let answer_duration = start.elapsed();
        server.process.terminate().await;
        let is_success = server.process.wait_for_exit().await;
        let shutdown_duration = start.elapsed().checked_sub(answer_duration).unwrap();

        assert!(is_success, "{}", server.process.log());
        assert!(answer_duration < MAX_DURATION, "{url}: {answer_duration:?}");
        // The last export has a timeout of three seconds.
        assert!(
            shutdown_duration < Duration::from_secs(3) + MAX_DURATION,
            "{url}: {shutdown_duration:?}"
        );
        let log = server.process.log();
        assert!(log.contains("export"), "{url}: {log}");
        assert!(log.matches("failed to export traces").count() <= 1, "{url}: {log}");
    }
}

#[tokio::test]
async fn exporting_traces_does_not_change_the_log() {
    let mut logs = Vec::new();
    for endpoint in ["", "http://127.0.0.1:9"] {
        let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint), ("LOG_LEVEL", "trace")];
        let server = TracedServer::start(&settings).await;

        ask_and_fail(&server).await;
        let missing = server.process.browser().get("/api/v1/conversations/none").await;
        assert!(missing.status.is_client_error());

        logs.push(lines_without_values(&server.process.log()));
    }

    assert_eq!(logs[0], logs[1]);
}

/// Returns the lines about turns and requests, without times, ids and numbers, in alphabetical order.
fn lines_without_values(log: &str) -> Vec<String> {
    let is_value = |c: char| c.is_ascii_hexdigit() || "-:.µ".contains(c);
    let word = |word: &str| {
        let value = word.trim_matches(|c| "\"{},".contains(c)).rsplit('=').next().unwrap();
        let has_digit = value.contains(|c: char| c.is_ascii_digit());
        if has_digit && value.contains(is_value) {
            word.replace(value, "VALUE")
        } else {
            word.into()
        }
    };
    let lines = log.lines().filter(|line| !line.contains("export"));
    let lines = lines.filter(|line| line.contains("turn") || line.contains("request"));
    let without_values =
        |line: &str| line.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
    let mut lines: Vec<String> = lines.map(without_values).collect();
    lines.sort();
    lines
}
