use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;
use webchat_tests::{Figure, Redis, ScriptedModel, in_seconds, often, text_of};

use crate::instances::{Site, messages};

/// How soon everything is to be live again once Redis is back.
const LIVE_AGAIN_WITHIN: Duration = Duration::from_secs(5);

#[tokio::test]
async fn redis_may_go_and_come_back_while_an_answer_is_made() {
    let figure = Figure::of("Redis away in mid-answer, two instances");
    // Longer than it takes until a part of an answer is saved.
    let away = often(3, 30);
    let mut redis = Redis::start().await;
    let site = Site::on(redis.url(), ScriptedModel::start());
    let (a, b) = tokio::join!(site.instance(0), site.instance(1));
    let browser = a.browser();
    let id = browser.start_conversation().await;
    let (mut asking, mut following) = (browser.connect().await, browser.at(&b).connect().await);
    following.say("subscribe", json!({"conversation_id": id})).await;
    let answer = site.model.next_answer();
    asking.say("send_message", json!({"conversation_id": id, "message": "go on"})).await;
    answer.say("Before, ");
    asking.until("response_chunk").await;
    following.until("response_chunk").await;

    redis.kill().await;
    let ready = browser.get("/readyz").await;
    let refused = browser.get("/list_conversations").await;
    asking.say("send_message", json!({"message": "to the current one"})).await;
    let unsent = asking.expect("error").await;
    answer.say("meanwhile, ");
    sleep(Duration::from_secs(away.into())).await;
    let saved = site.newest_message(&id).await;
    redis.start_again().await;
    let back = Instant::now();
    let mut told = asking.until("response_chunk").await;
    let mut followed = following.until("response_chunk").await;
    let took = back.elapsed();
    answer.say("after.");
    answer.end();
    told.extend(asking.until("token_usage").await);
    followed.extend(following.until("token_usage").await);

    assert_eq!(ready.refusal(), (503, "not_ready".to_owned()));
    assert_eq!(ready.json()["message"], json!("Redis does not answer."));
    assert_eq!(refused.refusal(), (503, "storage_unavailable".to_owned()));
    assert_eq!(refused.header("retry-after"), "5");
    assert_eq!(unsent["code"], json!("storage_unavailable"));
    assert_eq!(saved, "Before, meanwhile, ");
    assert!(took < LIVE_AGAIN_WITHIN, "{took:?}");
    assert_eq!(text_of(&told), "meanwhile, after.");
    assert_eq!(text_of(&followed), "meanwhile, after.");
    let messages = messages(&browser, &id).await;
    assert_eq!(messages[1]["content"], json!("Before, meanwhile, after."));
    assert_eq!(messages[1]["status"], json!("complete"));
    assert_eq!(browser.get("/readyz").await.status, 200);
    assert_eq!(asking.ask(&id, "again").await, "You said: again");
    figure.done(1, format!("{away} s away, nothing lost, live again after {}", in_seconds(took)));
}
