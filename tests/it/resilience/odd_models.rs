//! Models whose answers are not as they should be.

use serde_json::{Value, json};
use webchat_tests::{Browser, TestServer};

struct Chat {
    server: TestServer,
    browser: Browser,
    path: String,
}

impl Chat {
    async fn open(settings: &[(&str, &str)]) -> Self {
        let server = TestServer::with_settings(settings).await;
        let browser = server.browser();
        let created = browser.post("/api/v1/conversations").await.json();
        let id = created["conversation_id"].as_str().unwrap();
        Self { path: format!("/api/v1/conversations/{id}"), server, browser }
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.browser.request(reqwest::Method::POST, &format!("{}{path}", self.path));
        let response = self.browser.send(request.json(body)).await;
        assert_eq!(response.status, 200, "{response:?}");
        response.json()
    }

    async fn ask(&self, message: &str) -> Value {
        self.post("/messages", &json!({"message": message})).await
    }

    /// Asks a question that the model answers with this response.
    async fn ask_for(&self, response: &str) -> Value {
        self.server.model.next_answer().send_raw(response);
        self.ask("Why?").await
    }

    fn last_request(&self) -> Value {
        self.server.model.requests().pop().unwrap()["messages"].clone()
    }
}

/// Returns the text, the status and the error's code of the answer of a turn.
fn outcome(turn: &Value) -> [&str; 3] {
    let field = |path| turn.pointer(path).and_then(Value::as_str).unwrap_or("none");
    ["/answer/content", "/answer/status", "/error/code"].map(field)
}

#[tokio::test]
async fn an_answer_is_complete_soon_after_its_finish_reason_though_the_connection_stays_open() {
    let chat = Chat::open(&[("LLM_IDLE_TIMEOUT_S", "60")]).await;
    let answer = chat.server.model.next_answer();
    answer.send("Hello you");
    answer.send_raw("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");

    // A request of the test times out before the model does.
    let turn = chat.ask("Why?").await;
    answer.wait_for_disconnect().await;

    assert_eq!(outcome(&turn), ["Hello you", "complete", "none"]);
}

#[tokio::test]
async fn odd_answers_are_stored_as_what_they_are() {
    let chat = Chat::open(&[]).await;
    for (response, expected) in [
        (
            "data: {\"object\":\"chat.completion\",\"choices\":[{\"message\":{\"content\":\"At once\"},\
             \"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":null}}\n\ndata: [DONE]\n\n",
            ["At once", "complete", "none"],
        ),
        (
            "data:\n\ndata: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"Nice \\ud83d\"}]}}]}\n\n\
             data: {\"choices\":[{\"delta\":{\"content\":\"\\ude00 day\"},\"finish_reason\":\"stop\"}]}\n\n",
            ["Nice 😀 day", "complete", "none"],
        ),
        (
            "data: {\"choices\":[{\"delta\":{\"content\":\"Half\"}}]}\n\n\
             data: {\"choices\":[{\"finish_reason\":\"error\"}]}\n\ndata: [DONE]\n\n",
            ["Half", "failed", "model_failed"],
        ),
        (
            "data: {\"choices\":[{\"delta\":{\"content\":\"Half\"}}]}\n\n\
             event: error\ndata: {\"code\":503}\n\ndata: [DONE]\n\n",
            ["Half", "failed", "model_unreachable"],
        ),
        (
            "data: {\"choices\":[{\"delta\":{\"refusal\":\"I can't.\"},\"finish_reason\":\"stop\"}]}\n\n",
            ["I can't.", "failed", "model_refused"],
        ),
        (
            "data: {\"choices\":[{\"delta\":{\"content\":\" \"},\"finish_reason\":\"stop\"}]}\n\n",
            ["", "failed", "model_empty_answer"],
        ),
        (
            "data: {\"choices\":[{\"delta\":{\"reasoning\":\"Hm\"},\"finish_reason\":\"length\"}]}\n\n",
            ["", "truncated", "model_empty_answer"],
        ),
    ] {
        let turn = chat.ask_for(response).await;

        assert_eq!(outcome(&turn), expected, "{response}");
    }
}

#[tokio::test]
async fn an_answer_that_was_broken_off_can_be_continued() {
    let chat = Chat::open(&[]).await;
    let half = "data: {\"choices\":[{\"delta\":{\"content\":\"The first \"}}]}\n\n\
                data: {\"choices\":[{\"finish_reason\":\"abort\"}]}\n\n";
    let turn = chat.ask_for(half).await;
    let rest = chat.server.model.next_answer();
    rest.send("half");
    rest.finish();
    let id = turn["answer"]["message_id"].as_str().unwrap();

    let continued = chat.post(&format!("/messages/{id}/continue"), &json!({})).await;

    assert_eq!(outcome(&continued), ["The first half", "complete", "none"]);
}

#[tokio::test]
async fn roles_alternate_in_the_request_after_a_failed_answer() {
    let chat = Chat::open(&[("SYSTEM_PROMPT", "Be brief.")]).await;
    chat.ask_for("data: {\"error\":{\"code\":400}}\n\n").await;

    chat.ask("And now?").await;

    assert_eq!(
        chat.last_request(),
        json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Why?\n\nAnd now?"},
        ])
    );
}
