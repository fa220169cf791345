use std::error::Error as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures_util::StreamExt;
use secrecy::SecretString;
use serde_json::{Value, json};
use webchat_domain::FinishReason;
use wiremock::matchers::{body_json, header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::{Auth, ChatMessage, ChatRole, Delta, Timeouts, Usage};

const KEY: &str = "sk-do-not-show";
const WORDS: &str = "my diary";
const PATIENCE: Duration = Duration::from_secs(10);

const ANSWER: &str = concat!(
    "data: {\"model\":\"moon-1\",\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n",
    "data: {\"model\":\"moon-1\",\"choices\":[{\"delta\":{\"content\":\"tides\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"model\":\"\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}\n\n",
    "data: [DONE]\n\n",
);

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

fn settings(url: &str) -> HttpSettings {
    HttpSettings {
        api_key: Some(SecretString::from(KEY)),
        ..HttpSettings::new(url.parse().unwrap())
    }
}

fn model(url: &str) -> HttpChatModel {
    HttpChatModel::new(settings(url)).unwrap()
}

fn impatient(url: &str) -> HttpChatModel {
    let soon = Duration::from_millis(300);
    HttpChatModel::new(HttpSettings {
        timeouts: Timeouts { connect: soon, first_delta: soon, idle: soon },
        ..settings(url)
    })
    .unwrap()
}

fn request() -> ChatRequest {
    ChatRequest {
        messages: vec![ChatMessage { role: ChatRole::User, content: WORDS.to_owned() }],
        max_reply_tokens: 800,
    }
}

/// Why there is no answer. On the way it is checked that nothing shows that must not.
async fn refusal(model: &HttpChatModel) -> ModelError {
    let error = model.stream(request()).await.err().expect("an error");
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let causes: Vec<_> = causes.map(|cause| format!("{cause} {cause:?}")).collect();
    let shown = format!("{error} {error:?} {causes:?}");
    assert!(!shown.contains(KEY) && !shown.contains(WORDS), "{shown}");
    error
}

async fn upstream(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(response).mount(&server).await;
    server
}

/// A server that does with each connection what the script says, once it has read a request, and
/// then tells when the client closes it.
fn scripted(script: impl Fn(&mut TcpStream) + Send + 'static) -> (String, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/chat/completions", listener.local_addr().unwrap());
    let (closed, is_closed) = mpsc::channel();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            while read_request(&mut connection) {
                script(&mut connection);
            }
            let _ = closed.send(());
        }
    });
    (url, is_closed)
}

/// Whether a request came, and not the end.
fn read_request(connection: &mut TcpStream) -> bool {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    while !bytes.ends_with(b"}") {
        match connection.read(&mut part) {
            Ok(0) | Err(_) => return false,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
        }
    }
    true
}

fn write_chunk(connection: &mut TcpStream, text: &str) {
    let _ = write!(connection, "{:x}\r\n{text}\r\n", text.len());
}

#[tokio::test]
async fn a_plain_answer_is_streamed() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(header("authorization", format!("Bearer {KEY}").as_str()))
        .and(body_json(json!({
            "messages": [{"role": "user", "content": WORDS}],
            "max_tokens": 800,
            "stream": true,
            "stream_options": {"include_usage": true},
        })))
        .respond_with(ResponseTemplate::new(200).set_body_raw(ANSWER, "text/event-stream"))
        .expect(1)
        .mount(&server)
        .await;
    let model = model(&server.uri());
    assert_eq!(model.name(), None);

    let deltas: Vec<_> = model.stream(request()).await.unwrap().map(Result::unwrap).collect().await;

    let usage = Usage { prompt_tokens: 9, completion_tokens: 1 };
    assert_eq!(
        deltas,
        [Delta::Text("tides".to_owned()), Delta::Finished(FinishReason::Stop), Delta::Usage(usage),]
    );
    assert_eq!(model.name().as_deref(), Some("moon-1"));
}

#[tokio::test]
async fn the_operators_name_for_the_model_is_sent_and_shown() {
    let server =
        upstream(ResponseTemplate::new(200).set_body_raw(ANSWER, "text/event-stream")).await;
    let model = HttpChatModel::new(HttpSettings {
        model: Some("gpt-4.1".to_owned()),
        ..settings(&server.uri())
    })
    .unwrap();

    let answer = model.stream(request()).await.unwrap();
    answer.map(Result::unwrap).collect::<Vec<_>>().await;

    let sent: Value = server.received_requests().await.unwrap()[0].body_json().unwrap();
    assert_eq!(sent["model"], "gpt-4.1");
    assert_eq!(model.name().as_deref(), Some("gpt-4.1"));
}

#[tokio::test]
async fn a_refusal_is_told_by_its_kind() {
    let filtered =
        json!({"error": {"code": "content_filter", "message": format!("{KEY} {WORDS}")}});
    for (response, code) in [
        (ResponseTemplate::new(401).set_body_string(KEY), "model_key_refused"),
        (ResponseTemplate::new(404), "model_not_found"),
        (ResponseTemplate::new(400).set_body_json(&filtered), "model_content_filter"),
        (ResponseTemplate::new(200).set_body_json(&filtered), "model_content_filter"),
        (ResponseTemplate::new(200).set_body_raw("<p>Log in", "text/html"), "model_failed"),
        (ResponseTemplate::new(500), "model_failed"),
    ] {
        let server = upstream(response).await;

        assert_eq!(refusal(&model(&server.uri())).await.code(), code);
    }
}

#[tokio::test]
async fn a_rate_limit_carries_its_wait() {
    let server = upstream(ResponseTemplate::new(429).insert_header("retry-after", "7")).await;

    let error = refusal(&model(&server.uri())).await;

    let ModelError::RateLimited { retry_after, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target =
        upstream(ResponseTemplate::new(200).set_body_raw(ANSWER, "text/event-stream")).await;
    for status in [301, 302, 307, 308] {
        let moved = ResponseTemplate::new(status).insert_header("location", target.uri().as_str());
        let server = upstream(moved).await;

        assert_eq!(refusal(&model(&server.uri())).await.code(), "model_failed");
    }
    assert!(target.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);

    let error = refusal(&model(&format!("http://{address}/?key={KEY}"))).await;

    assert_eq!(error.code(), "model_unreachable");
}

#[tokio::test]
async fn a_failed_tls_handshake_is_unreachable() {
    let (url, _) = scripted(|_| {});
    let url = url.replace("http://", "https://");
    let model = impatient(&url);

    assert_eq!(refusal(&model).await.code(), "model_unreachable");
}

#[tokio::test]
async fn an_upstream_that_says_nothing_is_unreachable() {
    let (url, _) = scripted(|_| {});
    let model = impatient(&url);

    assert_eq!(refusal(&model).await.code(), "model_unreachable");
}

#[tokio::test]
async fn text_arrives_before_the_answer_ends_and_dropping_it_closes_the_connection() {
    let (url, is_closed) = scripted(|connection| {
        let _ = connection.write_all(HEAD.as_bytes());
        write_chunk(connection, ANSWER.split_inclusive("\n\n").nth(1).unwrap());
    });

    let mut answer = model(&url).stream(request()).await.unwrap();
    let delta = answer.next().await.unwrap().unwrap();
    let closed_early = is_closed.try_recv().is_ok();
    drop(answer);

    assert_eq!(delta, Delta::Text("tides".to_owned()));
    assert!(!closed_early);
    let closed = tokio::task::spawn_blocking(move || is_closed.recv_timeout(PATIENCE));
    assert_eq!(closed.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_connection_that_breaks_fails_the_answer_after_its_text() {
    let (url, _) = scripted(|connection| {
        let _ = connection.write_all(HEAD.as_bytes());
        write_chunk(connection, ANSWER.split_inclusive("\n\n").nth(1).unwrap());
        let _ = connection.shutdown(std::net::Shutdown::Both);
    });

    let answer = model(&url).stream(request()).await.unwrap();
    let deltas: Vec<_> = answer.map(|delta| delta.map_err(|error| error.code())).collect().await;

    assert_eq!(deltas, [Ok(Delta::Text("tides".to_owned())), Err("model_failed")]);
}

#[tokio::test]
async fn a_connection_is_used_again_though_its_body_ends_after_the_answer() {
    let (url, is_closed) = scripted(|connection| {
        let _ = connection.write_all(HEAD.as_bytes());
        write_chunk(connection, ANSWER);
        thread::sleep(Duration::from_millis(50));
        write_chunk(connection, "");
    });
    let model = model(&url);

    for _ in 0..3 {
        let answer = model.stream(request()).await.unwrap();
        assert_eq!(answer.count().await, 3);
    }

    assert_eq!(is_closed.try_recv(), Err(mpsc::TryRecvError::Empty));
}

#[tokio::test]
async fn a_refusal_is_not_waited_for_when_enough_of_it_is_read() {
    let (url, is_closed) = scripted(|connection| {
        let _ = connection.write_all(HEAD.replace("200 OK", "500 Oh").as_bytes());
        write_chunk(connection, &"x".repeat(2 * LARGEST_REFUSAL));
    });
    let model = impatient(&url);

    assert_eq!(refusal(&model).await.code(), "model_failed");
    let closed = tokio::task::spawn_blocking(move || is_closed.recv_timeout(PATIENCE));
    assert_eq!(closed.await.unwrap(), Ok(()));
}

#[test]
fn settings_that_can_not_work_are_refused() {
    let line_break = HttpSettings {
        api_key: Some(SecretString::from(format!("{KEY}\n"))),
        ..settings("http://localhost/")
    };

    let key = HttpChatModel::new(line_break).unwrap_err();
    let url = HttpChatModel::new(settings("file:///etc/hosts")).unwrap_err();

    assert!(matches!(key, SetupError::Key));
    assert!(matches!(url, SetupError::Url));
    assert!(!format!("{key} {key:?}").contains(KEY));
}

#[test]
fn the_key_does_not_show_in_debug_output() {
    for auth in [Auth::ApiKey, Auth::Bearer] {
        let settings =
            HttpSettings { auth, ..settings(&format!("http://user:{KEY}@localhost/?key={KEY}")) };
        let shown = format!("{settings:?} {:?}", HttpChatModel::new(settings.clone()).unwrap());

        assert!(!shown.contains(KEY), "{shown}");
    }
}
