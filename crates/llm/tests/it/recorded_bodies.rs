//! Answers as upstreams and gateways were seen to send them, byte by byte: `bodies`.

use std::error::Error;
use std::fs;

use webchat_llm::Delta;

use crate::upstream::{STREAM_HEAD, Upstream, response};
use crate::{collect, model};

fn body(name: &str) -> Vec<u8> {
    fs::read(format!("{}/tests/it/bodies/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Returns the text, and the finish reason or the error's code.
async fn read(upstream: &Upstream) -> (String, String) {
    let (mut text, mut end) = (String::new(), String::new());
    for delta in collect(&model(&upstream.url())).await {
        match delta {
            Ok(Delta::Text(chunk)) => text.push_str(&chunk),
            Ok(Delta::Finished(reason)) => reason.as_str().clone_into(&mut end),
            Ok(_) => {}
            Err(error) => error.code().clone_into(&mut end),
        }
    }
    (text, end)
}

/// Starts an upstream whose response has these headers and this body.
fn upstream_with(headers: &'static str, body: Vec<u8>) -> Upstream {
    Upstream::start(move |connection, _, _| {
        let head = format!("{headers}content-length: {}\r\n\r\n", body.len());
        connection.write(&format!("HTTP/1.1 200 OK\r\n{head}"));
        connection.write_bytes(&body);
    })
}

#[tokio::test]
async fn each_recorded_answer_has_its_text_and_its_end() {
    const STREAM: &str = "content-type: text/event-stream\r\n";
    const GZIP: &str = "content-type: text/event-stream\r\ncontent-encoding: gzip\r\n";
    for (name, headers, text, end) in [
        ("azure_filter_chunks.sse", STREAM, "Hello you", "stop"),
        ("comments.sse", STREAM, "Hello you", "stop"),
        ("complete_message.sse", STREAM, "Whole answer at once", "stop"),
        ("divided_emoji.sse", STREAM, "Nice 😀 day", "stop"),
        ("duplicate_field.sse", STREAM, "Hello you", "stop"),
        ("empty_data_between.sse", STREAM, "Hello you", "stop"),
        ("empty_data_first.sse", STREAM, "Hello you", "stop"),
        ("empty_error.sse", STREAM, "Hello you", "stop"),
        ("empty_finish_reasons.sse", STREAM, "Hello you", "stop"),
        ("error_event.sse", STREAM, "The first ", "model_unreachable"),
        ("finish_reason_error.sse", STREAM, "The first half of", "model_failed"),
        ("gzip.sse.gz", GZIP, "Hello you", "stop"),
        ("insufficient_system_resource.sse", STREAM, "The first half of", "model_failed"),
        ("list_of_parts.sse", STREAM, "Good day", "stop"),
        ("metadata_only.sse", STREAM, "Hello you", "stop"),
        ("native_network_error.sse", STREAM, "", "model_failed"),
        ("no_done.sse", STREAM, "Hello you", "stop"),
        ("usage_fraction.sse", STREAM, "Hello you", "stop"),
        ("usage_null.sse", STREAM, "Hello you", "stop"),
        ("usage_null_at_end.sse", STREAM, "Hello you", "stop"),
    ] {
        let upstream = upstream_with(headers, body(name));

        assert_eq!(read(&upstream).await, (text.to_owned(), end.to_owned()), "{name}");
    }
}

#[tokio::test]
async fn the_kind_of_a_body_depends_on_its_beginning_and_not_on_its_type() {
    const COMPLETE: &str = r#"{"object": "chat.completion", "choices": [{"index": 0,
        "message": {"role": "assistant", "content": "Hello you"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2}}"#;
    let stream = body("no_done.sse");
    let lines: String = ["Hello ", "you"]
        .map(|text| format!("{{\"choices\": [{{\"delta\": {{\"content\": \"{text}\"}}}}]}}\n"))
        .concat()
        + "{\"choices\": [{\"finish_reason\": \"stop\"}]}\n";
    for (headers, body) in [
        ("content-type: application/json\r\n", COMPLETE.into()),
        ("content-type: application/json\r\n", format!("\u{feff}\n {COMPLETE}").into()),
        ("content-type: application/json\r\n", format!("[{COMPLETE}]").into()),
        ("content-type: application/x-ndjson\r\n", lines.into()),
        ("content-type: application/json\r\n", stream.clone()),
        ("content-type: text/html; charset=utf-8\r\n", stream.clone()),
        ("", stream),
    ] {
        let shown = String::from_utf8_lossy(&body).into_owned();
        let upstream = upstream_with(headers, body);

        let expected = ("Hello you".to_owned(), "stop".to_owned());
        assert_eq!(read(&upstream).await, expected, "{headers} {shown}");
    }
}

#[tokio::test]
async fn a_compressed_answer_is_read_however_its_encoding_is_named() {
    for (encoding, name) in [
        ("content-encoding: x-gzip\r\n", "gzip.sse.gz"),
        ("Content-Encoding:  GZip \r\n", "gzip.sse.gz"),
        ("content-encoding: gzip, identity\r\n", "gzip.sse.gz"),
        ("content-encoding: identity\r\ncontent-encoding: gzip\r\n", "gzip.sse.gz"),
        ("content-encoding: gzip\r\n", "gzip_members.sse.gz"),
        ("content-encoding: gzip, gzip\r\n", "gzip_twice.sse.gz"),
        ("content-encoding: Deflate\r\n", "deflate.sse.zz"),
        // Proxies that compress or decompress a body without changing its header.
        ("", "gzip.sse.gz"),
        ("content-encoding: identity\r\n", "gzip.sse.gz"),
        ("content-encoding: gzip\r\n", "no_done.sse"),
        ("content-encoding: deflate\r\n", "no_done.sse"),
        ("content-encoding: gzip\r\n", "gzip_twice.sse.gz"),
        // Names that are no encodings.
        ("content-encoding: utf-8\r\n", "no_done.sse"),
        ("content-encoding: none, \r\n", "no_done.sse"),
    ] {
        let upstream = upstream_with(encoding, body(name));

        let expected = ("Hello you".to_owned(), "stop".to_owned());
        assert_eq!(read(&upstream).await, expected, "{encoding} {name}");
    }
}

#[tokio::test]
async fn a_compressed_error_is_understood() {
    for headers in ["content-encoding: x-gzip\r\n", "content-encoding: gzip, identity\r\n", ""] {
        let body = body("error.json.gz");
        let upstream = Upstream::start(move |connection, _, _| {
            let length = body.len();
            connection
                .write(&format!("HTTP/1.1 400 …\r\n{headers}content-length: {length}\r\n\r\n"));
            connection.write_bytes(&body);
        });

        let (_, end) = read(&upstream).await;

        assert_eq!(end, "model_context_too_long", "{headers}");
    }
}

#[tokio::test]
async fn the_connection_does_not_matter_after_the_finish_reason() {
    let chunk = |body: &[u8]| {
        let mut chunk = format!("{:x}\r\n", body.len()).into_bytes();
        chunk.extend_from_slice(body);
        chunk.extend_from_slice(b"\r\n");
        chunk
    };
    let started = [STREAM_HEAD.as_bytes(), &chunk(&body("no_done.sse"))].concat();
    let (open, reset) = (started.clone(), started);
    let open = Upstream::start(move |connection, _, _| connection.write_bytes(&open));
    let reset = Upstream::start(move |connection, _, _| {
        connection.write_bytes(&reset);
        connection.reset();
    });

    for upstream in [open, reset] {
        assert_eq!(read(&upstream).await, ("Hello you".to_owned(), "stop".to_owned()));
    }
}

#[tokio::test]
async fn an_answer_in_an_unknown_encoding_is_a_failure_that_names_it_and_is_not_retried() {
    for encoding in ["br", "zstd", "gzip, br"] {
        let headers =
            format!("content-type: text/event-stream\r\ncontent-encoding: {encoding}\r\n");
        let mut upstream = Upstream::with([response(200, &headers, "…")]);

        let deltas = collect(&model(&upstream.url())).await;

        let [Err(error)] = deltas.as_slice() else { panic!("{deltas:?}") };
        assert_eq!(error.code(), "model_failed");
        let cause = error.source().unwrap().to_string();
        assert!(cause.contains(&format!("the content encoding {encoding},")), "{cause}");
        assert_eq!(upstream.take_requests().len(), 1);
    }
}

#[tokio::test]
async fn a_refusal_is_shown_and_an_empty_answer_is_explained() {
    for (chunk, expected) in [
        (
            r#"{"delta": {"refusal": "I can't."}, "finish_reason": "stop"}"#,
            ("I can't.", "model_refused"),
        ),
        (r#"{"delta": {"content": " \n"}, "finish_reason": "stop"}"#, ("", "model_empty_answer")),
        (
            r#"{"delta": {"reasoning_content": "Hm."}, "finish_reason": "length"}"#,
            ("", "model_empty_answer"),
        ),
        (r#"{"delta": {}, "finish_reason": "content_filter"}"#, ("", "content_filter")),
    ] {
        let body = format!("data: {{\"choices\": [{chunk}]}}\n\ndata: [DONE]\n\n");
        let upstream = upstream_with("content-type: text/event-stream\r\n", body.into());

        let (text, end) = read(&upstream).await;

        assert_eq!((text.as_str(), end.as_str()), expected, "{chunk}");
    }
}
