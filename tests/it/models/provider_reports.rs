//! What providers report beside an answer: what their content filter found, and which tokens they had cached.

use serde_json::{Value, json};
use webchat_tests::{ScriptedAnswer, ScriptedModel};

use super::{ModelServer, entry, post};

fn send(answer: &ScriptedAnswer, event: &Value) {
    answer.send_raw(&format!("data: {event}\n\n"));
}

#[tokio::test]
async fn a_content_filter_is_explained_and_counted_by_model_without_texts() {
    let model = ScriptedModel::start();
    let models = entry("tides", "", &[model.url()]);
    let server = ModelServer::start(&models, &[("METRICS", "on")]).await;
    let browser = server.process.browser();
    let id = browser.start_conversation().await;
    let path = format!("/api/v1/conversations/{id}/messages");
    let answer = model.next_answer();
    answer.send("Hm");
    let results = json!({
        "violence": {"filtered": true, "severity": "medium"},
        "hate": {"filtered": false, "severity": "safe"},
    });
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "content_filter",
        "content_filter_results": results}]});
    send(&answer, &end);
    drop(answer);

    let ended = post(&browser, &path, &json!({"message": "A private question?"})).await.json();
    let refusal = model.next_answer();
    let found = json!({"jailbreak": {"filtered": true, "detected": true}});
    let error = json!({"message": "A private question?", "code": "content_filter", "status": 400,
        "innererror": {"content_filter_result": found}});
    send(&refusal, &json!({"error": error}));
    drop(refusal);
    let refused = post(&browser, &path, &json!({"message": "Another one?"})).await.json();

    let answer = &ended["answer"];
    assert_eq!(
        (&answer["content"], &answer["status"]),
        (&json!("Hm"), &json!("failed")),
        "{ended}"
    );
    let message = |turn: &Value| turn["error"]["message"].as_str().unwrap().to_owned();
    assert!(
        message(&ended).contains("ended this answer, because it found violence (medium severity)")
    );
    assert!(message(&refused).contains("an attempt to get around the model's rules"), "{refused}");
    let metrics = browser.get("/metrics").await.text;
    for (text, category, severity) in
        [("answer", "violence", "medium"), ("request", "jailbreak", "none")]
    {
        let labels = format!(
            "model=\"tides\",text=\"{text}\",category=\"{category}\",severity=\"{severity}\""
        );
        let metric = format!("webchat_model_filtered_total{{{labels}}} 1");
        assert!(metrics.contains(&metric), "{metric}: {metrics}");
    }
    assert!(!metrics.contains("private"));
}

#[tokio::test]
async fn each_request_begins_with_the_last_one_so_that_providers_can_cache_it() {
    let model = ScriptedModel::start();
    let models = entry("tides", "", &[model.url()]);
    let server = ModelServer::start(&models, &[("METRICS", "on"), ("SYSTEM_PROMPT", "Be brief.")]);
    let server = server.await;
    let browser = server.process.browser();
    let id = browser.start_conversation().await;
    let path = format!("/api/v1/conversations/{id}");
    let example = json!({"user_prompt": "1 + 1?", "assistant_response": "2."});
    let added = post(&browser, &format!("{path}/few_shot_examples"), &example).await;
    assert!(added.status.is_success(), "{added:?}");
    let usage = json!({"prompt_tokens": 90, "completion_tokens": 1,
        "prompt_tokens_details": {"cached_tokens": 64}});

    for question in ["Why two?", "And the moon?", "And the sun?"] {
        let answer = model.next_answer();
        answer.send("Because.");
        send(&answer, &json!({"choices": [], "usage": usage}));
        answer.finish();
        post(&browser, &format!("{path}/messages"), &json!({"message": question})).await;
    }

    let requests = model.requests();
    let messages: Vec<_> =
        requests.iter().map(|request| request["messages"].as_array().unwrap()).collect();
    assert_eq!(messages.len(), 3);
    for pair in messages.windows(2) {
        assert!(pair[1].starts_with(pair[0]), "{pair:?}");
    }
    let metrics = browser.get("/metrics").await.text;
    let cached = "webchat_model_tokens_total{purpose=\"answer\",kind=\"cached\"} 192";
    assert!(metrics.contains(cached), "{metrics}");
}
