//! Secrets in the log.

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing::Level;
use webchat_llm::{ApplicationProof, Auth, HttpChatModel, HttpSettings};

use crate::entra::{
    SECRET, application, certificate_and_key, client_secret, file_with, model as model_with_tokens,
    token_service,
};
use crate::upstream::{
    STREAM_HEAD, Upstream, event, good_response, http_chunk, json_response, response,
    stream_response, text_event,
};
use crate::{ANSWER, KEY, QUESTION, answer, collect, settings};

/// The log of this process, including that of dependencies.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn start() -> Self {
        let log = Self::default();
        let writer = log.clone();
        tracing_subscriber::fmt()
            .with_max_level(Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .init();
        log
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn neither_the_key_nor_any_text_is_logged() {
    let log = Log::start();
    let error_with_secrets = json!({"error": {
        "message": format!("{KEY} may not say: {QUESTION} {ANSWER}"),
        "type": format!("{QUESTION} type"), "param": QUESTION, "code": QUESTION,
    }});
    let filtered = json!({"choices": [{"finish_reason": "content_filter", "delta": {},
        "content_filter_results": {"hate": {"filtered": true}, QUESTION: {"filtered": true}}}]});
    let unknown =
        json!({"error": {"message": format!("Unknown parameter: 'stream_options' {QUESTION}")}});
    let interrupted = format!("{STREAM_HEAD}{}zz\r\n", http_chunk(&text_event()));
    let upstream = Upstream::with([
        good_response(),
        json_response(429, &error_with_secrets),
        json_response(503, &error_with_secrets),
        json_response(401, &error_with_secrets),
        json_response(400, &unknown),
        stream_response(&event(&filtered)),
        stream_response(&(text_event() + &event(&error_with_secrets))),
        stream_response(&format!("data: {QUESTION}\n\n")),
        interrupted,
        response(302, &format!("location: http://localhost/{KEY}\r\n"), QUESTION),
        response(500, "", QUESTION),
    ]);
    let model = HttpChatModel::new(settings(&upstream.url())).unwrap();
    let azure =
        HttpChatModel::new(HttpSettings { auth: Auth::ApiKey, ..settings(&upstream.url()) })
            .unwrap();

    assert_eq!(answer(&model).await, ANSWER);
    for _ in 0..9 {
        collect(&model).await;
    }
    collect(&azure).await;

    let log = log.text();
    for secret in [KEY, QUESTION, ANSWER] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None);
    }
    for line in [
        "retrying request attempts=1",
        "answer started attempts=1",
        "upstream rejected a part of the request rejections=[Field(\"stream_options\")]",
        "answer filtered by provider filtered=[\"hate\"]",
        "circuit breaker opened",
        "hyper_util::client",
    ] {
        assert!(log.contains(line), "{line}\n{log}");
    }
}

#[tokio::test]
async fn no_token_assertion_or_secret_is_logged() {
    let log = Log::start();
    let mut service = token_service();
    let file = file_with(&certificate_and_key());
    let proof = ApplicationProof::Certificate(file.path().to_owned());
    for credential in [client_secret(&service), application(&service, proof)] {
        let upstream = Upstream::with([json_response(401, &json!({})), good_response()]);
        assert_eq!(answer(&model_with_tokens(&upstream, credential)).await, ANSWER);
    }
    let refusal = json!({"error": SECRET, "error_description": format!("AADSTS1: {SECRET}")});
    let refusing = Upstream::with([json_response(401, &refusal)]);
    let upstream = Upstream::with([good_response()]);
    collect(&model_with_tokens(&upstream, client_secret(&refusing))).await;

    let assertions = service
        .take_requests()
        .into_iter()
        .filter_map(|request| Some(request.text.split_once("client_assertion=")?.1.to_owned()));
    let secrets = assertions.chain([SECRET.to_owned(), "t0ken".to_owned()]).collect::<Vec<_>>();
    let log = log.text();
    assert_eq!(secrets.len(), 4);
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None);
    }
    for line in [
        "got an access token credential=\"client secret of client\"",
        "the model refused the access token: requesting another one",
        "failed to get an access token credential=\"client secret of client\"",
    ] {
        assert!(log.contains(line), "{line}\n{log}");
    }
}
