//! Errors in OpenAI's form: of every status, and in streams.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;
use webchat_tests::{Process, TIMEOUT, TestServer};

use super::{ApiServer, COMPLETIONS, error, fail_next_request, key, post, question, sign_up};
use crate::security::account_server::PASSWORD;

/// The data of each event of a stream.
fn data(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("data: ")).collect()
}

fn streamed(text: &str) -> Value {
    let mut request = question(text);
    request["stream"] = json!(true);
    request
}

#[tokio::test]
async fn without_accounts_the_response_names_the_setting_that_is_needed() {
    let server = TestServer::start().await;
    let program = server.browser().with_key("wc_1");

    for response in [program.get("/v1/models").await, post(&program, &question("Why?")).await] {
        assert_eq!(error(&response), (401, "invalid_api_key".to_owned(), Value::Null));
        assert!(response.text.contains("AUTH=optional or AUTH=required"), "{}", response.text);
    }
    assert_eq!(server.model.requests().len(), 0);
}

#[tokio::test]
async fn only_a_valid_key_with_the_scope_chat_gives_access() {
    let server = ApiServer::start(&[]).await;
    let reader = server.alice.with_key(&key(&server.alice, &["read", "export"]).await);
    let invalid = server.alice.with_key("wc_1");

    for (client, expected) in [
        // Signed in with a cookie.
        (&server.alice, (401, "invalid_api_key".to_owned(), Value::Null)),
        (&invalid, (401, "invalid_api_key".to_owned(), Value::Null)),
        (&reader, (403, "forbidden".to_owned(), Value::Null)),
    ] {
        for response in [
            client.get("/v1/models").await,
            client.get("/v1/models/scripted").await,
            post(client, &question("Why?")).await,
        ] {
            assert_eq!(error(&response), expected, "{}", response.text);
        }
    }
    assert_eq!(server.accounts.model.requests().len(), 0);
}

#[tokio::test]
async fn every_status_has_openais_form() {
    let server = ApiServer::start(&[]).await;
    let program = &server.program;
    let send = async |body: &str, media_type: &str| {
        let request = program.request(Method::POST, COMPLETIONS).body(body.to_owned());
        program.send(request.header("content-type", media_type)).await
    };

    let big = question(&"x".repeat(4 * 1024 * 1024)).to_string();
    for (response, status, code) in [
        (program.get("/v1/embeddings").await, 404, "unknown_url"),
        (program.get("/v1/models/gpt-5").await, 404, "model_not_found"),
        (program.get(COMPLETIONS).await, 405, "method_not_allowed"),
        (send(&big, "application/json").await, 413, "payload_too_large"),
        (send("{}", "text/plain").await, 415, "unsupported_media_type"),
        (send("{", "application/json").await, 400, "invalid_request"),
        (send("[]", "application/json").await, 400, "invalid_value"),
    ] {
        let (found, found_code, _) = error(&response);
        assert_eq!((found, &*found_code), (status, code), "{}", response.text);
        assert!(!response.header("x-request-id").is_empty(), "{code}");
    }
    assert_eq!(program.get("/v1/models/default").await.json()["id"], "scripted");
    assert!(program.get("/api/v1/conversations/x").await.json()["code"].is_string());
}

#[tokio::test]
async fn a_used_up_budget_limits_completions_and_turns_together() {
    let server =
        ApiServer::start(&[("DAILY_TOKENS_PER_USER", "1000"), ("REPLY_TOKENS", "900")]).await;
    let id = server.alice.start_conversation().await;
    let answer = server.accounts.model.next_answer();
    answer.send("The moon");
    answer.report_usage(300, 200);
    answer.finish();

    assert_eq!(server.complete(&question("Why?")).await.status, 200);
    let refused = server.complete(&question("And now?")).await;
    let path = format!("/api/v1/conversations/{id}/messages");
    let request = server.alice.request(Method::POST, &path).json(&json!({"message": "And now?"}));
    let turn = server.alice.send(request).await;
    let mut short = question("And now?");
    short["max_tokens"] = json!(100);

    assert_eq!(error(&refused), (429, "insufficient_quota".to_owned(), Value::Null));
    assert!(refused.header("retry-after").parse::<u32>().is_ok(), "{refused:?}");
    assert_eq!(turn.status_and_code(), (429, "token_budget_exceeded".to_owned()));
    assert_eq!(server.complete(&short).await.status, 200);
}

#[tokio::test]
async fn a_model_that_fails_first_is_a_status_and_one_that_fails_later_an_event() {
    let server = ApiServer::start(&[]).await;
    fail_next_request(&server.accounts.model);
    let failed = server.complete(&streamed("Why?")).await;
    let answer = server.accounts.model.next_answer();
    answer.send("The ");
    answer.send_raw("data: {\"error\": {\"message\": \"overloaded\"}}\n\n");
    drop(answer);

    let partial = server.complete(&streamed("Why?")).await;

    assert_eq!(error(&failed), (502, "model_failed".to_owned(), Value::Null));
    assert_eq!(
        (partial.status.as_u16(), partial.header("content-type")),
        (200, "text/event-stream")
    );
    let events = data(&partial.text);
    let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert_eq!(last["error"]["code"], "model_failed", "{events:?}");
    assert!(!partial.text.contains("[DONE]"));
    let log = server.accounts.process.log();
    assert!(log.contains("turn failed") && log.contains("model_failed"), "{log}");
}

#[tokio::test]
async fn a_model_that_is_unreachable_is_a_503() {
    let dir = tempfile::tempdir().unwrap();
    let users = [("AZURE_API_URL", "http://127.0.0.1:1/"), ("AUTH", "required"), ("SIGN_UP", "on")];
    let server = Process::start(dir.path(), &users).await;
    let alice = server.browser();
    let program = alice.with_key(&sign_up(&alice).await);
    let mut request = question("Why?");
    request["model"] = json!("default");

    let unreachable = post(&program, &request).await;

    assert_eq!(error(&unreachable), (503, "model_unreachable".to_owned(), Value::Null));
    assert!(!unreachable.header("retry-after").is_empty());
}

#[tokio::test]
async fn the_stream_of_a_revoked_key_ends_and_the_model_stops() {
    let server = ApiServer::start(&[]).await;
    let answer = server.accounts.model.next_answer();
    answer.send("The ");
    let request = server.program.request(Method::POST, COMPLETIONS).json(&streamed("Why?"));
    let response = request.send().await.unwrap();
    let keys = server.alice.get("/api/v1/me/keys").await.json();

    let path = format!("/api/v1/me/keys/{}", keys["keys"][0]["key_id"].as_str().unwrap());
    assert_eq!(server.alice.delete(&path).await.status, 204);

    let text = timeout(TIMEOUT, response.text()).await.expect("the stream did not end").unwrap();
    assert!(text.contains("The ") && !text.contains("[DONE]"), "{text}");
    answer.wait_for_disconnect().await;
    assert_eq!(server.complete(&question("Why?")).await.status, 401);
}

#[tokio::test]
async fn the_api_is_also_under_the_path_of_the_public_url() {
    let settings =
        [("AUTH", "required"), ("SIGN_UP", "on"), ("PUBLIC_URL", "http://localhost/chat/")];
    let server = TestServer::with_settings(&settings).await;
    let alice = server.browser();
    let post = async |path: &str, body: Value| {
        alice.send(alice.request(Method::POST, path).json(&body)).await.json()
    };
    let account = json!({"name": "alice", "password": PASSWORD});
    post("/chat/api/v1/auth/sign-up", account).await;
    let new = json!({"name": "x", "scopes": ["chat"], "password": PASSWORD});
    let key = post("/chat/api/v1/me/keys", new).await;
    let program = alice.with_key(key["secret"].as_str().unwrap());

    for path in ["/chat/v1/models", "/v1/models"] {
        assert_eq!(program.get(path).await.json()["data"][0]["id"], "scripted", "{path}");
    }
    assert_eq!(error(&program.get("/chat/v1/x").await).1, "unknown_url");
}
