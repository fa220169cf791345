//! An outage of Redis during an answer.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;
use webchat_tests::{Redis, ScriptedModel, SoakStats, answer_text, format_seconds, iterations};

use crate::operations::instances::{Cluster, messages};

/// The maximum time until events are live again once Redis has restarted.
const MAX_RECOVERY: Duration = Duration::from_secs(5);

#[tokio::test]
async fn an_answer_survives_a_redis_outage() {
    let stats = SoakStats::start("Redis outage during an answer, two instances");
    // Longer than the interval in which an answer is saved.
    let outage = iterations(3, 30);
    let mut redis = Redis::start().await;
    let cluster = Cluster::on(redis.url(), ScriptedModel::start());
    let (a, b) = tokio::join!(cluster.instance(0), cluster.instance(1));
    let browser = a.browser();
    let id = browser.start_conversation().await;
    let (mut asking, mut subscribed) =
        (browser.connect().await, b.browser_with_cookies_of(&browser).connect().await);
    subscribed.send("subscribe", json!({"conversation_id": id})).await;
    let answer = cluster.model.next_answer();
    asking.send("send_message", json!({"conversation_id": id, "message": "go on"})).await;
    answer.send("Before, ");
    asking.receive_until("response_chunk").await;
    subscribed.receive_until("response_chunk").await;

    redis.kill().await;
    let ready = browser.get("/readyz").await;
    let rejected = browser.get("/list_conversations").await;
    asking.send("send_message", json!({"message": "to the current one"})).await;
    let unsent = asking.expect("error").await;
    answer.send("meanwhile, ");
    sleep(Duration::from_secs(outage.into())).await;
    let saved = cluster.newest_message(&id).await;
    redis.restart().await;
    let back = Instant::now();
    let mut received = asking.receive_until("response_chunk").await;
    let mut also_received = subscribed.receive_until("response_chunk").await;
    let took = back.elapsed();
    answer.send("after.");
    answer.finish();
    received.extend(asking.receive_until("token_usage").await);
    also_received.extend(subscribed.receive_until("token_usage").await);

    assert_eq!(ready.status_and_code(), (503, "not_ready".to_owned()));
    assert_eq!(ready.json()["message"], json!("Redis does not answer."));
    assert_eq!(rejected.status_and_code(), (503, "storage_unavailable".to_owned()));
    assert_eq!(rejected.header("retry-after"), "5");
    assert_eq!(unsent["code"], json!("storage_unavailable"));
    assert_eq!(saved, "Before, meanwhile, ");
    assert!(took < MAX_RECOVERY, "{took:?}");
    assert_eq!(answer_text(&received), "meanwhile, after.");
    assert_eq!(answer_text(&also_received), "meanwhile, after.");
    let messages = messages(&browser, &id).await;
    assert_eq!(messages[1]["content"], json!("Before, meanwhile, after."));
    assert_eq!(messages[1]["status"], json!("complete"));
    assert_eq!(browser.get("/readyz").await.status, 200);
    assert_eq!(asking.ask(&id, "again").await, "You said: again");
    stats.finish(
        1,
        format!("an outage of {outage} s, nothing lost, live again after {}", format_seconds(took)),
    );
}
