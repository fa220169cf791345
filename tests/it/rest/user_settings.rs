//! The settings of a user, and the maximum length of an answer in a conversation.

use reqwest::Method;
use serde_json::{Value, json};
use webchat_tests::{TestServer, mongodb_uri};

const SETTINGS: &str = "/api/v1/me/settings";

fn first_message(request: &Value) -> &str {
    request["messages"][0]["content"].as_str().unwrap()
}

#[tokio::test]
async fn the_users_instructions_apply_to_conversations_without_their_own_in_both_stores() {
    let uri = mongodb_uri();
    for store in [vec![], vec![("MONGODB_URI", uri.as_str())]] {
        let settings = [vec![("SYSTEM_PROMPT", "Server")], store].concat();
        let server = TestServer::with_settings(&settings).await;
        let (browser, mut socket) = server.socket().await;
        let id = browser.start_conversation().await;
        let context = format!("/api/v1/conversations/{id}/context");
        let source = async || browser.get(&context).await.json()["system_prompt_source"].clone();
        let mut sources = vec![source().await];

        let empty = browser.get(SETTINGS).await.json();
        socket.ask(&id, "one").await;
        let changed = browser.patch(SETTINGS, &json!({"system_prompt": "User"})).await.json();
        sources.push(source().await);
        socket.ask(&id, "two").await;
        browser.patch(&context, &json!({"system_prompt": "Conversation"})).await;
        sources.push(source().await);
        socket.ask(&id, "three").await;
        let (other, mut other_socket) = server.socket().await;
        let other_settings = other.get(SETTINGS).await.json();
        let other_id = other.start_conversation().await;
        other_socket.ask(&other_id, "four").await;

        let requests = server.model.requests();
        let prompts: Vec<_> = requests.iter().map(first_message).collect();
        assert_eq!(prompts, ["Server", "User", "Conversation", "Server"]);
        assert_eq!(sources, ["server", "user", "conversation"]);
        assert_eq!(
            (empty, other_settings.clone()),
            (other_settings, json!({"system_prompt": null}))
        );
        assert_eq!(changed, json!({"system_prompt": "User"}));
    }
}

#[tokio::test]
async fn settings_are_changed_only_if_they_are_valid_and_their_etag_matches() {
    let server =
        TestServer::with_settings(&[("MAX_TOKENS", "1800"), ("REPLY_TOKENS", "800")]).await;
    let browser = server.browser();
    let etag = browser.get(SETTINGS).await.header("etag").to_owned();
    let change = async |prompt: &str| {
        let request = browser.request(Method::PATCH, SETTINGS).header("if-match", &etag);
        browser.send(request.json(&json!({"system_prompt": prompt}))).await
    };

    let first = change("Be brief.").await;
    let with_old_etag = change("Be verbose.").await;
    let too_long = browser.patch(SETTINGS, &json!({"system_prompt": "tide ".repeat(600)})).await;
    let unknown = browser.patch(SETTINGS, &json!({"sytem_prompt": "typo"})).await;
    let unchanged = browser.patch(SETTINGS, &json!({})).await.json();
    let blank = browser.patch(SETTINGS, &json!({"system_prompt": " \n"})).await.json();

    assert_eq!(first.status, 200);
    assert_eq!(with_old_etag.status_and_code(), (412, "stale".to_owned()));
    assert_eq!(too_long.status_and_code(), (422, "context_too_long".to_owned()));
    assert_eq!(unknown.status_and_code(), (422, "invalid_value".to_owned()));
    assert_eq!(unchanged, json!({"system_prompt": "Be brief."}));
    assert_eq!(blank, json!({"system_prompt": null}));
}

#[tokio::test]
async fn a_conversation_can_have_a_lower_maximum_answer_length_in_both_stores() {
    let uri = mongodb_uri();
    for store in [vec![], vec![("MONGODB_URI", uri.as_str())]] {
        let settings = [vec![("MAX_TOKENS", "4000"), ("REPLY_TOKENS", "800")], store].concat();
        let server = TestServer::with_settings(&settings).await;
        let (browser, mut socket) = server.socket().await;
        let id = browser.start_conversation().await;
        let context = format!("/api/v1/conversations/{id}/context");
        let set =
            async |tokens: Value| browser.patch(&context, &json!({"reply_tokens": tokens})).await;

        let lowered = set(json!(50.0)).await.json();
        socket.ask(&id, "short").await;
        let rejected = [set(json!(0)).await, set(json!(801)).await];
        let not_a_number = set(json!("many")).await;
        let kept = browser.get(&context).await.json();
        let reset = set(Value::Null).await.json();
        socket.ask(&id, "long").await;

        assert_eq!(
            (&lowered["reply_tokens"], &lowered["ledger"]["reserved"]),
            (&json!(50), &json!(50))
        );
        for rejected in rejected {
            assert_eq!(rejected.status_and_code(), (422, "invalid_value".to_owned()));
            let message = rejected.json()["message"].as_str().unwrap().to_owned();
            assert_eq!(message, "The maximum answer length must be from 1 to 800 tokens.");
        }
        assert_eq!(not_a_number.status_and_code(), (422, "invalid_value".to_owned()));
        assert_eq!(kept["reply_tokens"], json!(50));
        assert_eq!(
            (&reset["reply_tokens"], &reset["ledger"]["reserved"]),
            (&Value::Null, &json!(800))
        );
        let requests = server.model.requests();
        let limits: Vec<_> = requests.iter().map(|request| request["max_tokens"].clone()).collect();
        assert_eq!(limits, [json!(50), json!(800)]);
    }
}
