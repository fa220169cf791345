//! Upstreams that fail.

use std::error::Error as _;
use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use secrecy::SecretString;
use serde_json::json;
use webchat_llm::{Auth, Delta, HttpChatModel, HttpSettings, ModelError, SetupError};

use crate::upstream::{
    Connection, STREAM_HEAD, Upstream, event, good_response, http_chunk, response, text_event,
};
use crate::{
    ANSWER, KEY, QUESTION, answer, collect, failure, model, model_with_short_timeouts,
    model_with_timeouts, settings,
};

/// Requests an answer that starts with its text and then follows the script. Returns the text, and the
/// finish reason or the error's code.
async fn read_started_answer(
    then: impl Fn(&mut Connection) + Send + Sync + 'static,
) -> Vec<String> {
    read_started_answer_with(model, then).await
}

async fn read_started_answer_with(
    model: fn(&str) -> HttpChatModel,
    then: impl Fn(&mut Connection) + Send + Sync + 'static,
) -> Vec<String> {
    let upstream = Upstream::start(move |connection, _, _| {
        connection.write(STREAM_HEAD);
        connection.write(&http_chunk(&text_event()));
        then(connection);
    });
    let deltas = collect(&model(&upstream.url())).await;
    let describe = |delta| match delta {
        Ok(Delta::Text(text)) => text,
        Ok(end) => format!("{end:?}"),
        Err(error) => ModelError::code(&error).to_owned(),
    };
    deltas.into_iter().map(describe).collect()
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);

    let error = failure(&model(&format!("http://{address}/?key={KEY}"))).await;

    assert_eq!(error.code(), "model_unreachable");
}

#[tokio::test]
async fn a_silent_upstream_is_unreachable() {
    let silent = Upstream::start(|_, _, _| {});
    let silent_after_its_head = Upstream::start(|connection, _, _| connection.write(STREAM_HEAD));
    for mut upstream in [silent, silent_after_its_head] {
        assert_eq!(
            failure(&model_with_short_timeouts(&upstream.url())).await.code(),
            "model_unreachable"
        );
        // A timeout is not retried.
        assert_eq!(upstream.take_requests().len(), 1);
    }
}

#[tokio::test]
async fn a_stalled_answer_is_unreachable() {
    assert_eq!(
        read_started_answer_with(model_with_short_timeouts, |_| {}).await,
        [ANSWER, "model_unreachable"]
    );
}

#[tokio::test]
async fn a_slow_answer_is_read_to_its_end() {
    let upstream = Upstream::start(|connection, _, _| {
        let response = good_response();
        for bytes in response.as_bytes().chunks(response.len().div_ceil(5)) {
            connection.write_bytes(bytes);
            thread::sleep(Duration::from_millis(500));
        }
    });

    // The answer takes longer than the timeout, but none of its chunks does.
    assert_eq!(answer(&model_with_timeouts(Duration::from_secs(2), &upstream.url())).await, ANSWER);
}

#[tokio::test]
async fn a_connection_that_is_reset_fails_the_answer_after_its_text() {
    assert_eq!(read_started_answer(Connection::reset).await, [ANSWER, "model_failed"]);
    assert_eq!(read_started_answer(Connection::close).await, [ANSWER, "model_failed"]);
}

#[tokio::test]
async fn an_answer_without_done_is_complete_if_it_has_a_finish_reason() {
    let stop = event(&json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}));

    let complete = read_started_answer(move |connection| {
        connection.write(&(http_chunk(&stop) + &http_chunk("")));
    });
    let interrupted = read_started_answer(|connection| connection.write(&http_chunk("")));

    assert_eq!(complete.await, [ANSWER, "Finished(Stop)"]);
    assert_eq!(interrupted.await, [ANSWER, "model_failed"]);
}

#[tokio::test]
async fn an_invalid_chunk_fails_the_answer() {
    let huge = event(&json!({"choices": [{"delta": {"content": "x".repeat(2 * 1024 * 1024)}}]}));
    for bytes in [
        format!("data: {{\"choices\": [{QUESTION}\n\n").into_bytes(),
        format!("data: {{\"{KEY}\"\n\n").into_bytes(),
        huge.into_bytes(),
    ] {
        let deltas = read_started_answer(move |connection| {
            connection.write(&format!("{:x}\r\n", bytes.len()));
            connection.write_bytes(&bytes);
            connection.write("\r\n");
        });

        assert_eq!(deltas.await, [ANSWER, "model_failed"]);
    }
}

#[tokio::test]
async fn an_error_in_an_answer_has_the_code_of_its_kind() {
    for (error, code) in [
        (json!({"error": {"message": QUESTION, "type": "server_error"}}), "model_failed"),
        (json!({"error": {"message": QUESTION, "code": 429}}), "model_rate_limited"),
        (json!({"object": "error", "message": QUESTION, "code": 400}), "model_failed"),
        (json!({"object": "error", "message": QUESTION, "code": 503}), "model_unreachable"),
    ] {
        let chunk = http_chunk(&event(&error));

        let deltas = read_started_answer(move |connection| connection.write(&chunk)).await;

        assert_eq!(deltas, [ANSWER, code]);
    }
}

#[tokio::test]
async fn a_web_page_instead_of_an_answer_is_a_failure() {
    let login = response(200, "content-type: text/html; charset=utf-8\r\n", "<p>Log in");
    let mut upstream = Upstream::with([login]);

    assert_eq!(failure(&model(&upstream.url())).await.code(), "model_failed");
    assert_eq!(upstream.take_requests().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let mut target = Upstream::with([good_response()]);
    for status in [301, 302, 307, 308] {
        let moved = response(status, &format!("location: {}\r\n", target.url()), "");
        let upstream = Upstream::with([moved]);

        assert_eq!(failure(&model(&upstream.url())).await.code(), "model_failed");
    }
    assert!(target.take_requests().is_empty());
}

#[tokio::test]
async fn an_https_address_without_tls_is_unreachable() {
    let upstream = Upstream::with([good_response()]);
    let url = upstream.url().replace("http://", "https://");

    assert_eq!(failure(&model_with_short_timeouts(&url)).await.code(), "model_unreachable");
}

#[tokio::test]
async fn an_upstream_with_a_self_signed_certificate_is_unreachable_and_gets_no_key() {
    let (url, received) = start_self_signed_server();

    let error = failure(&model(&url)).await;

    assert_eq!(error.code(), "model_unreachable");
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let causes: Vec<_> = causes.map(ToString::to_string).collect();
    assert!(causes.iter().any(|cause| cause.contains("certificate")), "{causes:?}");
    assert_eq!(received.recv_timeout(Duration::from_secs(5)), Ok(Vec::new()));
}

/// Starts a server with a self-signed certificate that reports the bytes it received on each connection.
fn start_self_signed_server() -> (String, std::sync::mpsc::Receiver<Vec<u8>>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, received) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(config.clone()).unwrap();
            let mut read = Vec::new();
            let _ = StreamOwned::new(connection, stream.unwrap()).read_to_end(&mut read);
            let _ = sender.send(read);
        }
    });
    (format!("https://localhost:{port}/v1/chat/completions"), received)
}

#[tokio::test]
async fn an_error_with_an_endless_body_is_reported_in_time() {
    let long = STREAM_HEAD.replace("200 OK", "401 No") + &http_chunk(&"x".repeat(256 * 1024));
    let silent = STREAM_HEAD.replace("200 OK", "401 No");
    for (response, max_duration) in
        [(long, Duration::from_secs(1)), (silent, Duration::from_secs(4))]
    {
        let mut upstream = Upstream::with([response]);
        let sent_at = Instant::now();

        assert_eq!(failure(&model(&upstream.url())).await.code(), "model_key_refused");
        assert!(sent_at.elapsed() < max_duration, "{:?}", sent_at.elapsed());
        upstream.wait_for_hang_up().await;
    }
}

#[test]
fn invalid_settings_are_rejected() {
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
