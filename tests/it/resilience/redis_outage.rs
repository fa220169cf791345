//! An outage of Redis during an answer.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;
use webchat_tests::{Redis, ScriptedModel, SoakStats, answer_text, format_seconds, test_or_soak};

use crate::operations::instances::{Cluster, messages};

/// The maximum time from the restart of Redis until clients receive events again.
const MAX_RECOVERY: Duration = Duration::from_secs(5);

#[tokio::test]
async fn an_answer_survives_a_redis_outage() {
    let stats = SoakStats::start("Redis outage during an answer, two instances");
    // Longer than the interval at which an answer is saved.
    let outage_seconds = test_or_soak(3, 30);
    let mut redis = Redis::start().await;
    let cluster = Cluster::with_redis(redis.url(), ScriptedModel::start());
    let (a, b) = tokio::join!(cluster.instance(0), cluster.instance(1));
    let browser = a.browser();
    let id = browser.start_conversation().await;
    let (mut sender, mut subscriber) =
        (browser.connect().await, b.browser_with_cookies_of(&browser).connect().await);
    subscriber.send("subscribe", json!({"conversation_id": id})).await;
    let answer = cluster.model.next_answer();
    sender.send("send_message", json!({"conversation_id": id, "message": "go on"})).await;
    answer.send("Before, ");
    sender.receive_until("response_chunk").await;
    subscriber.receive_until("response_chunk").await;

    redis.kill().await;
    let readiness = browser.get("/readyz").await;
    let list_response = browser.get("/list_conversations").await;
    sender.send("send_message", json!({"message": "to the current one"})).await;
    let send_error = sender.expect("error").await;
    answer.send("meanwhile, ");
    sleep(Duration::from_secs(outage_seconds.into())).await;
    let saved = cluster.newest_message(&id).await;
    redis.restart().await;
    let restarted_at = Instant::now();
    let mut received_by_sender = sender.receive_until("response_chunk").await;
    let mut received_by_subscriber = subscriber.receive_until("response_chunk").await;
    let recovery_time = restarted_at.elapsed();
    answer.send("after.");
    answer.finish();
    received_by_sender.extend(sender.receive_until("token_usage").await);
    received_by_subscriber.extend(subscriber.receive_until("token_usage").await);

    assert_eq!(readiness.status_and_code(), (503, "not_ready".to_owned()));
    assert_eq!(readiness.json()["message"], json!("Redis is unavailable."));
    assert_eq!(list_response.status_and_code(), (503, "storage_unavailable".to_owned()));
    assert_eq!(list_response.header("retry-after"), "5");
    assert_eq!(send_error["code"], json!("storage_unavailable"));
    assert_eq!(saved, "Before, meanwhile, ");
    assert!(recovery_time < MAX_RECOVERY, "{recovery_time:?}");
    assert_eq!(answer_text(&received_by_sender), "meanwhile, after.");
    assert_eq!(answer_text(&received_by_subscriber), "meanwhile, after.");
    let messages = messages(&browser, &id).await;
    assert_eq!(messages[1]["content"], json!("Before, meanwhile, after."));
    assert_eq!(messages[1]["status"], json!("complete"));
    assert_eq!(browser.get("/readyz").await.status, 200);
    assert_eq!(sender.ask(&id, "again").await, "You said: again");
    stats.finish(
        1,
        format!(
            "an outage of {outage_seconds} s, nothing lost, events received again after {}",
            format_seconds(recovery_time)
        ),
    );
}
