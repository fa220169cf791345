//! Which model answers.

use serde_json::{Value, json};
use webchat::UserCommand;
use webchat_domain::AccountRole;
use webchat_tests::Browser;

use super::{ModelServer, entry, post, two_models};
use crate::security::account_server::{PASSWORD, add_with_role, manage, sign_in};

async fn ids(browser: &Browser) -> Vec<String> {
    let list = browser.get("/api/v1/models").await.json();
    let models = list["models"].as_array().unwrap();
    models.iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
}

/// Sends a message, and returns the response to the turn.
async fn ask(browser: &Browser, id: &str, body: &Value) -> Value {
    post(browser, &format!("/api/v1/conversations/{id}/messages"), body).await.json()
}

async fn last_message(browser: &Browser, id: &str) -> Value {
    let messages = browser.get(&format!("/api/v1/conversations/{id}/messages")).await.json();
    messages["messages"].as_array().unwrap().last().unwrap().clone()
}

#[tokio::test]
async fn a_conversation_changes_its_model_and_each_answer_says_by_which_it_is() {
    let (small, large, models) = two_models();
    let server = ModelServer::start(&models, &[]).await;
    let browser = server.process.browser();
    let list = browser.get("/api/v1/models").await.json();
    let expected = json!([
        {"id": "small", "name": "Small one", "max_tokens": 4_000, "reply_tokens": 500},
        {"id": "large", "name": "large", "max_tokens": 100_000, "reply_tokens": 25_000},
    ]);
    assert_eq!(list["models"], expected);
    let id = browser.start_conversation().await;
    let context = format!("/api/v1/conversations/{id}/context");
    let mut window = browser.connect().await;
    window.send("subscribe", json!({"conversation_id": id})).await;

    ask(&browser, &id, &json!({"message": "Why two?"})).await;
    let first = last_message(&browser, &id).await;
    let changed = browser.patch(&context, &json!({"model": "large"})).await.json();
    ask(&browser, &id, &json!({"message": "And the moon?"})).await;
    let second = last_message(&browser, &id).await;
    ask(&browser, &id, &json!({"message": "And the sun?", "model": "small"})).await;
    let third = last_message(&browser, &id).await;
    let regenerate = format!(
        "/api/v1/conversations/{id}/messages/{}/regenerate",
        third["message_id"].as_str().unwrap()
    );
    post(&browser, &regenerate, &json!({"model": "large"})).await;
    let fourth = last_message(&browser, &id).await;

    let by = [&first, &second, &third, &fourth].map(|answer| answer["model"].as_str().unwrap());
    assert_eq!(by, ["small", "large", "small", "large"]);
    assert_eq!(
        (&changed["model"], &changed["ledger"]["window"]),
        (&json!("large"), &json!(100_000))
    );
    assert_eq!(fourth["content"], "You said: And the sun?");
    assert_eq!((small.requests().len(), large.requests().len()), (2, 2));
    // The history goes along.
    let history = large.requests()[0]["messages"].as_array().unwrap().len();
    assert_eq!(history, 3);
    let accepted = window.receive_until("message_accepted").await;
    assert_eq!(accepted.last().unwrap().1["model"], "small");
    let exported = browser.get("/api/v1/export").await.text;
    for model in [r#""model":"large""#, r#""model":"small""#] {
        assert!(exported.contains(model), "{exported}");
    }
}

#[tokio::test]
async fn only_the_groups_of_a_model_may_use_it() {
    let (small, large, _) = two_models();
    let models = entry("large", "groups = ['research']", &[large.url()])
        + &entry("small", "", &[small.url()]);
    let dir = tempfile::tempdir().unwrap();
    let variables = [("DATA_DIR", dir.path().to_str().unwrap())];
    for name in ["alice", "bob"] {
        add_with_role(&variables, name, AccountRole::User).await;
    }
    let added =
        std::iter::once("research".parse().unwrap()).collect::<std::collections::BTreeSet<_>>();
    let groups = UserCommand::Groups {
        name: "alice".parse().unwrap(),
        added: added.try_into().unwrap(),
        removed: webchat_domain::GroupNames::default(),
    };
    manage(&variables, groups).await;
    let server = ModelServer::start_in(dir, &models, &[("AUTH", "required")]).await;
    let [alice, bob] = [server.process.browser(), server.process.browser()];
    for (browser, name) in [(&alice, "alice"), (&bob, "bob")] {
        assert_eq!(sign_in(browser, name, PASSWORD).await.status, 200);
    }

    assert_eq!(
        (ids(&alice).await, ids(&bob).await),
        (vec!["large".into(), "small".into()], vec!["small".into()])
    );
    let id = bob.start_conversation().await;
    let context = format!("/api/v1/conversations/{id}/context");
    let changed = bob.patch(&context, &json!({"model": "large"})).await;
    let asked = ask(&bob, &id, &json!({"message": "Why?", "model": "large"})).await;
    ask(&bob, &id, &json!({"message": "Why?"})).await;

    assert_eq!(changed.status_and_code(), (422, "model_unavailable".to_owned()));
    assert_eq!(asked["code"], "model_unavailable");
    assert_eq!(last_message(&bob, &id).await["model"], "small");
    assert_eq!((small.requests().len(), large.requests().len()), (1, 0));
}

#[tokio::test]
async fn a_conversation_whose_model_is_withdrawn_stays_readable_and_takes_another() {
    let (small, _large, models) = two_models();
    let server = ModelServer::start(&models, &[]).await;
    let browser = server.process.browser();
    let new = post(&browser, "/api/v1/conversations", &json!({"model": "large"})).await;
    let id = new.json()["conversation_id"].as_str().unwrap().to_owned();
    ask(&browser, &id, &json!({"message": "Why two?"})).await;

    server.replace_models(&entry("small", "", &[small.url()]));
    server.process.hang_up().await;
    while ids(&browser).await.len() > 1 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    let refused = ask(&browser, &id, &json!({"message": "Why not three?"})).await;
    let context = format!("/api/v1/conversations/{id}/context");
    let read = browser.get(&context).await.json();
    assert_eq!(last_message(&browser, &id).await["model"], "large");
    assert_eq!(refused["code"], "model_unavailable");
    assert_eq!(read["model"], "large");
    browser.patch(&context, &json!({"model": null})).await;
    ask(&browser, &id, &json!({"message": "Why not three?"})).await;
    assert_eq!(last_message(&browser, &id).await["model"], "small");
    // An invalid file changes nothing.
    server.replace_models("[[models]]\nid = 'x'\n");
    server.process.hang_up().await;
    while !server.process.log().contains("failed to reload the models") {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(ids(&browser).await, ["small"]);
}
