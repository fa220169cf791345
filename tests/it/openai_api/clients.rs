//! Programs that are written for OpenAI's API: its official clients, and two others.

use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::timeout;
use webchat_tests::OpenAiLibrary::{self, AiSdk, JavaScript, Python};
use webchat_tests::{OpenAiClient, TIMEOUT, TestServer, llm_command};

use super::{ApiServer, question, sign_up};

fn complete(request: &Value) -> Value {
    json!({"do": "complete", "request": request})
}

#[rstest]
#[tokio::test]
async fn an_official_client_lists_the_models_and_gets_answers(
    #[values(JavaScript, Python)] library: OpenAiLibrary,
) {
    let server = ApiServer::start(&[]).await;
    let mut client = OpenAiClient::start(library, &server.alice, &server.key);

    let models = client.run(json!({"do": "models"})).await;
    let complete = client.run(complete(&question("Why two tides?"))).await;
    let answer = server.accounts.model.next_answer();
    for text in ["The ", "moon"] {
        answer.send(text);
    }
    answer.report_usage(7, 3);
    answer.finish();
    let streamed = client.run(json!({"do": "stream", "request": question("Why?")})).await;

    assert_eq!(models, json!({"ids": ["scripted"], "retrieved": ["scripted"]}));
    assert_eq!(complete["content"], "You said: Why two tides?");
    assert_eq!(
        (&complete["finish_reason"], &complete["conversation_id"]),
        (&json!("stop"), &Value::Null)
    );
    let tokens = |name: &str| complete["usage"][name].as_u64().unwrap();
    assert_eq!(tokens("total_tokens"), tokens("prompt_tokens") + tokens("completion_tokens"));
    assert!(tokens("prompt_tokens") > 5 && tokens("completion_tokens") > 5, "{complete}");
    let usage = json!({"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10});
    let expected = json!({"content": "The moon", "finish_reason": "stop", "usage": usage});
    assert_eq!(streamed, expected);
}

#[rstest]
#[tokio::test]
async fn an_official_client_raises_the_error_of_each_kind(
    #[values(JavaScript, Python)] library: OpenAiLibrary,
) {
    let server = ApiServer::start(&[("TURNS_PER_USER", "1"), ("MAX_TOKENS", "2000")]).await;
    let mut client = OpenAiClient::start(library, &server.alice, &server.key);
    let mut stranger = OpenAiClient::start(library, &server.alice, "sk-1");
    let with = |name: &str, value: Value| {
        let mut request = question("Why?");
        request[name] = value;
        complete(&request)
    };
    let is = |result: &Value, class: &str, code: &str, param: Value| {
        let found = (&result["error"], &result["code"], &result["param"]);
        assert_eq!(found, (&json!(class), &json!(code), &param), "{result}");
    };

    let unknown_key = stranger.run(complete(&question("Why?"))).await;
    is(&unknown_key, "AuthenticationError", "invalid_api_key", Value::Null);
    let unknown_model = client.run(with("model", json!("gpt-5"))).await;
    is(&unknown_model, "NotFoundError", "model_not_found", json!("model"));
    let two_answers = client.run(with("n", json!(2))).await;
    is(&two_answers, "BadRequestError", "unsupported_parameter", json!("n"));
    let too_long = client.run(complete(&question(&"tide ".repeat(3_000)))).await;
    is(&too_long, "BadRequestError", "context_length_exceeded", json!("messages"));
    let _running = server.accounts.model.next_answer();
    let mut other = OpenAiClient::start(library, &server.alice, &server.key);
    let waiting = other.run(complete(&question("Why?")));
    let limited = async {
        server.accounts.model.wait_for_requests(1).await;
        client.run(complete(&question("Why?"))).await
    };
    let limited =
        tokio::select! { result = limited => result, result = waiting => panic!("{result}") };
    is(&limited, "RateLimitError", "rate_limit_exceeded", Value::Null);
}

#[rstest]
#[tokio::test]
async fn a_client_that_stops_reading_stops_the_model(
    #[values(JavaScript, Python)] library: OpenAiLibrary,
) {
    let server = ApiServer::start(&[]).await;
    let mut client = OpenAiClient::start(library, &server.alice, &server.key);
    let answer = server.accounts.model.next_answer();
    answer.send("The ");
    answer.send("moon ");

    let command = json!({"do": "stream", "request": question("Why?"), "chunks": 2});
    let result = client.run(command).await;

    assert_eq!(result["content"], "The ");
    answer.wait_for_disconnect().await;
    let next = client.run(complete(&question("And now?"))).await;
    assert_eq!(next["content"], "You said: And now?");
}

#[tokio::test]
async fn the_ai_sdk_gets_complete_and_streamed_answers() {
    let server = ApiServer::start(&[]).await;
    let mut client = OpenAiClient::start(AiSdk, &server.alice, &server.key);

    let result = client
        .run(json!({"system": "Be brief.", "prompt": "Why?", "stopSequences": ["END"]}))
        .await;

    assert_eq!(result["text"], "You said: Why?");
    assert_eq!((&result["streamed"], &result["finishReason"]), (&result["text"], &json!("stop")));
    assert!(result["totalTokens"].as_u64().unwrap() > 10, "{result}");
    let sent = &server.accounts.model.requests()[0];
    assert_eq!(sent["messages"][0], json!({"role": "system", "content": "Be brief."}));
    assert_eq!(sent["stop"], json!(["END"]));
}

#[tokio::test]
async fn the_command_llm_gets_an_answer() {
    let server = ApiServer::start(&[]).await;
    let dir = tempfile::tempdir().unwrap();
    let base_url = server.alice.base().join("/v1").unwrap();
    let model = json!([{
        "model_id": "tides", "model_name": "scripted", "api_base": base_url, "api_key_name": "tides",
    }]);
    std::fs::write(dir.path().join("extra-openai-models.yaml"), model.to_string()).unwrap();

    let mut command = llm_command();
    command.args(["--model", "tides", "--key", &server.key, "--no-log", "--system", "Be brief."]);
    command.arg("Why?").env("LLM_USER_PATH", dir.path()).kill_on_drop(true);
    let output = timeout(TIMEOUT, command.stdin(std::process::Stdio::null()).output());
    let output = output.await.expect("llm did not exit in time").unwrap();

    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "You said: Why?", "{errors}");
}

#[tokio::test]
async fn the_real_model_answers_an_official_client() {
    let server =
        TestServer::with_real_model(&[("AUTH", "required"), ("SIGN_UP", "on"), ("MODEL", "tiny")])
            .await;
    let alice = server.browser();
    let key = sign_up(&alice).await;
    let mut client = OpenAiClient::start(Python, &alice, &key);

    let mut request = question("Write two sentences about the sea.");
    request["model"] = json!("default");
    request["max_completion_tokens"] = json!(20);
    let result = client.run(json!({"do": "stream", "request": request})).await;

    assert!(result["content"].as_str().unwrap().len() > 10, "{result}");
    let tokens = result["usage"]["completion_tokens"].as_u64().unwrap();
    assert!((5..=21).contains(&tokens), "{result}");
}
