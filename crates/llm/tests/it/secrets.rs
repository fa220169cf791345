use std::io;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing::Level;
use webchat_llm::{Auth, HttpChatModel, HttpSettings};

use crate::upstream::{
    STREAM, Upstream, event, good_response, json_response, part, response, stream_response,
    text_event,
};
use crate::{ANSWER, KEY, QUESTION, answer, ask, settings};

/// What is logged in this process, by this crate and by all it is made of.
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
async fn neither_the_key_nor_what_is_said_is_ever_logged() {
    let log = Log::start();
    let says_all = json!({"error": {
        "message": format!("{KEY} may not say: {QUESTION} {ANSWER}"),
        "type": format!("{QUESTION} type"), "param": QUESTION, "code": QUESTION,
    }});
    let filtered = json!({"choices": [{"finish_reason": "content_filter", "delta": {},
        "content_filter_results": {"hate": {"filtered": true}, QUESTION: {"filtered": true}}}]});
    let unknown =
        json!({"error": {"message": format!("Unknown parameter: 'stream_options' {QUESTION}")}});
    let breaks_off = format!("{STREAM}{}zz\r\n", part(&text_event()));
    let upstream = Upstream::with([
        good_response(),
        json_response(429, &says_all),
        json_response(503, &says_all),
        json_response(401, &says_all),
        json_response(400, &unknown),
        stream_response(&event(&filtered)),
        stream_response(&(text_event() + &event(&says_all))),
        stream_response(&format!("data: {QUESTION}\n\n")),
        breaks_off,
        response(302, &format!("location: http://localhost/{KEY}\r\n"), QUESTION),
        response(500, "", QUESTION),
    ]);
    let model = HttpChatModel::new(settings(&upstream.url())).unwrap();
    let azure =
        HttpChatModel::new(HttpSettings { auth: Auth::ApiKey, ..settings(&upstream.url()) })
            .unwrap();

    assert_eq!(answer(&model).await, ANSWER);
    for _ in 0..9 {
        ask(&model).await;
    }
    ask(&azure).await;

    let log = log.text();
    for secret in [KEY, QUESTION, ANSWER] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None);
    }
    for told in [
        "a request is sent again tries=1",
        "an answer begins tries=1",
        "the upstream does not know a field unknown=\"stream_options\"",
        "the provider filtered an answer filtered=[\"hate\"]",
        "the upstream fails and is let alone",
        "hyper_util::client",
    ] {
        assert!(log.contains(told), "{told}\n{log}");
    }
}
