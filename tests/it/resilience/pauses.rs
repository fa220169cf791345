//! Paused instances, such as those on a suspended virtual machine: a short pause has no effect on turns, and a long one
//! ends them once and for all.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;
use webchat_tests::{Browser, Process, ScriptedAnswer, Socket, answer_text};

use crate::operations::instances::{Cluster, messages};

/// Less than the time after which an instance without a heartbeat is dead.
const SHORT_PAUSE: Duration = Duration::from_millis(1_200);

/// Two instances, the first of which runs a turn. A reader at the second one has received the text "So far".
struct RunningTurn {
    cluster: Cluster,
    instance: Process,
    answer: ScriptedAnswer,
    reader: Socket,
    browser: Browser,
    conversation_id: String,
    _other: Process,
}

impl RunningTurn {
    async fn start() -> Self {
        let cluster = Cluster::new();
        let (instance, other) = tokio::join!(cluster.instance(0), cluster.instance(1));
        let sender = instance.browser();
        let conversation_id = sender.start_conversation().await;
        let browser = other.browser_with_cookies_of(&sender);
        let mut reader = browser.connect().await;
        reader.send("subscribe", json!({"conversation_id": conversation_id})).await;
        reader.expect("subscribed").await;
        let answer = cluster.model.next_answer();
        let question = json!({"conversation_id": conversation_id, "message": "go on"});
        let mut sender = sender.connect().await;
        sender.send("send_message", question).await;
        sender.expect("message_accepted").await;
        answer.send("So far");
        reader.receive_until("response_chunk").await;
        Self { cluster, instance, answer, reader, browser, conversation_id, _other: other }
    }
}

#[tokio::test]
async fn a_short_pause_of_an_instance_has_no_effect_on_its_turn() {
    let mut turn = RunningTurn::start().await;

    for _ in 0..2 {
        turn.instance.pause().await;
        sleep(SHORT_PAUSE).await;
        turn.instance.resume().await;
        sleep(SHORT_PAUSE).await;
    }
    turn.answer.send(", so good.");
    turn.answer.finish();
    let events = turn.reader.receive_until("response_end").await;

    assert_eq!(answer_text(&events), ", so good.");
    let stored = messages(&turn.browser, &turn.conversation_id).await.remove(1);
    assert_eq!(stored["status"], json!("complete"));
    assert_eq!(stored["content"], json!("So far, so good."));
}

#[tokio::test]
async fn an_instance_publishes_nothing_more_of_a_turn_that_ended_during_its_pause() {
    let mut turn = RunningTurn::start().await;

    turn.instance.pause().await;
    let events = turn.reader.receive_until("token_usage").await;
    turn.answer.send(" and no further");
    turn.instance.resume().await;
    turn.answer.wait_for_disconnect().await;
    let next = turn.cluster.model.next_answer();
    next.send("Anew.");
    next.finish();
    turn.reader
        .send("send_message", json!({"conversation_id": turn.conversation_id, "message": "again"}))
        .await;
    let later_events = turn.reader.receive_until("response_end").await;

    assert_eq!(events[0].1["finish_reason"], json!("interrupted"));
    assert_eq!(answer_text(&later_events), "Anew.");
    let stored = messages(&turn.browser, &turn.conversation_id).await.remove(1);
    assert_eq!(stored["status"], json!("interrupted"));
    assert_eq!(stored["content"], json!("So far"));
}
