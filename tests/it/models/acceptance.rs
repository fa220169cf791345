//! A conversation goes from model to model, through the failure of a deployment and a program.

use serde_json::{Value, json};
use webchat_domain::AccountRole;
use webchat_tests::OpenAiLibrary::Python;
use webchat_tests::{OpenAiClient, ScriptedModel};

use super::{ModelServer, entry, post};
use crate::security::account_server::{PASSWORD, add_with_role, new_key, sign_in};

/// Makes the model reason before its next answer.
fn reason(model: &ScriptedModel, text: &str) {
    let answer = model.next_answer();
    answer.send_reasoning("The moon…");
    answer.send(text);
    answer.finish();
}

#[tokio::test]
async fn a_conversation_goes_on_with_a_model_that_reasons_and_through_the_failure_of_a_deployment()
{
    let [quick, north, south] = [(); 3].map(|()| ScriptedModel::start());
    let models = entry("quick", "", &[quick.url()])
        + &entry("thorough", "window = 100000", &[north.url(), south.url()]);
    let dir = tempfile::tempdir().unwrap();
    add_with_role(&[("DATA_DIR", dir.path().to_str().unwrap())], "ada", AccountRole::User).await;
    let server = ModelServer::start_in(dir, &models, &[("AUTH", "required")]).await;
    let ada = server.process.browser();
    assert_eq!(sign_in(&ada, "ada", PASSWORD).await.status, 200);
    let id = ada.start_conversation().await;
    let path = format!("/api/v1/conversations/{id}");
    let ask = async |message: &str| {
        let turn = post(&ada, &format!("{path}/messages"), &json!({"message": message})).await;
        turn.json()["answer"]["content"].clone()
    };

    assert_eq!(ask("Why two?").await, "You said: Why two?");
    let changed = ada.patch(&format!("{path}/context"), &json!({"model": "thorough"})).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    reason(&north, "Because of the moon.");
    assert_eq!(ask("And now?").await, "Because of the moon.");
    north.next_answer().disconnect();
    reason(&south, "And of the sun.");
    assert_eq!(ask("Is that all?").await, "And of the sun.");
    let key = new_key(&ada, json!({"name": "a program", "scopes": ["chat"]})).await;
    let mut program = OpenAiClient::start(Python, &ada, key["secret"].as_str().unwrap());
    reason(&north, "Yes.");
    let request = json!({"model": "thorough", "messages": [{"role": "user", "content": "Sure?"}]});
    let headers = json!({"X-Conversation-Id": id});
    let completion = json!({"do": "complete", "request": request, "headers": headers});
    assert_eq!(program.run(completion).await["content"], "Yes.");

    let page = ada.get(&format!("{path}/messages")).await.json();
    let answers = page["messages"].as_array().unwrap().iter().skip(1).step_by(2);
    let said: Vec<_> = answers
        .map(|answer| (answer["model"].as_str().unwrap(), answer["reasoning"]["text"].clone()))
        .collect();
    let moon = json!("The moon…");
    let by_thorough = ("thorough", moon);
    let expected = [&("quick", Value::Null), &by_thorough, &by_thorough, &by_thorough];
    assert_eq!(said.iter().collect::<Vec<_>>(), expected);
    // What the last deployment was asked is the whole conversation, without reasoning.
    let asked = north.requests().last().unwrap()["messages"].as_array().unwrap().clone();
    let contents: Vec<_> =
        asked.iter().map(|message| message["content"].as_str().unwrap()).collect();
    assert_eq!(contents[contents.len() - 3..], ["Is that all?", "And of the sun.", "Sure?"]);
    assert!(!json!(asked).to_string().contains("The moon…"), "{asked:?}");
}
