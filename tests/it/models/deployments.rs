//! Deployments that fail.

use serde_json::json;
use webchat_domain::AccountRole;
use webchat_tests::ScriptedModel;

use super::{ModelServer, entry, post};
use crate::security::account_server::{PASSWORD, add_with_role, sign_in};

#[tokio::test]
async fn an_answer_comes_from_the_deployment_that_works_and_administrators_see_the_others() {
    let working = ScriptedModel::start();
    let gone = "http://127.0.0.1:1/v1/chat/completions";
    let not_found = working.url().replace("/chat/completions", "/nothing");
    let models = entry("tides", "", &[gone, &not_found, working.url()]);
    let dir = tempfile::tempdir().unwrap();
    add_with_role(&[("DATA_DIR", dir.path().to_str().unwrap())], "ada", AccountRole::Admin).await;
    let server =
        ModelServer::start_in(dir, &models, &[("AUTH", "required"), ("METRICS", "on")]).await;
    let ada = server.process.browser();
    assert_eq!(sign_in(&ada, "ada", PASSWORD).await.status, 200);
    let id = ada.start_conversation().await;

    let path = format!("/api/v1/conversations/{id}/messages");
    let turn = post(&ada, &path, &json!({"message": "Why two?"})).await.json();

    assert_eq!(turn["answer"]["content"], "You said: Why two?", "{turn}");
    let list = ada.get("/api/v1/admin/models").await.json();
    let deployments = list["models"][0]["deployments"].as_array().unwrap();
    let failures = deployments.iter().map(|deployment| deployment["last_failure"]["code"].clone());
    assert_eq!(
        failures.collect::<Vec<_>>(),
        [json!("model_unreachable"), json!("model_not_found"), json!(null)]
    );
    assert_eq!(deployments[0]["name"], "tides/1");
    assert!(deployments[2]["answered_after_ms"].is_u64(), "{list}");
    let metrics = ada.get("/metrics").await.text;
    for metric in [
        "webchat_model_failovers_total{deployment=\"tides/1\"} 1",
        "webchat_model_breaker_open{deployment=\"tides/3\"} 0",
    ] {
        assert!(metrics.contains(metric), "{metrics}");
    }
}
