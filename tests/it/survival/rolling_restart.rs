//! Rolling restarts under load.

use std::time::Duration;

use futures_util::future::{join, join_all};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use webchat_tests::{
    Addresses, Process, ReceivedAnswer, ReconnectingClient, ScriptedModel, SoakStats, test_or_soak,
};

use crate::operations::instances::Cluster;

const CLIENTS: usize = 8;

#[tokio::test]
async fn a_rolling_restart_under_load_fails_no_turn_and_loses_no_message() {
    let stats = SoakStats::start("rolling restarts of two instances under load");
    let (rounds, mut turns) = (test_or_soak(1, 30), 0);
    let cluster = Cluster::with_model(ScriptedModel::with_delay(Duration::from_millis(20)));
    let addresses = Addresses::default();
    let mut instances = [cluster.instance(0).await, cluster.instance(1).await];
    for (number, instance) in instances.iter().enumerate() {
        addresses.insert(number, instance);
    }
    let restarts_done = CancellationToken::new();
    let restarting = async {
        for _ in 0..rounds {
            for (number, instance) in instances.iter_mut().enumerate() {
                restart(&cluster, &addresses, number, instance).await;
            }
        }
        restarts_done.cancel();
    };

    let asking = join_all((0..CLIENTS).map(|_| send_questions(&addresses, &restarts_done)));
    let (results, ()) = join(asking, restarting).await;

    for (client, answers) in results {
        let sent: Vec<_> = (0..answers.len()).map(question).collect();
        let expected: Vec<_> = sent.iter().map(|sent| format!("You said: {sent}")).collect();
        let received: Vec<_> = answers.iter().map(|answer| answer.text.clone()).collect();
        assert_eq!(received, expected);
        assert!(answers.iter().all(|answer| answer.finish_reason == "stop"), "{answers:?}");
        // This is only the newest page, of at most 200 messages.
        let stored = client.stored_messages().await;
        let questions = stored.iter().filter(|(role, ..)| role == "user");
        let stored_questions: Vec<_> = questions.map(|(_, content, _)| content.clone()).collect();
        assert_eq!(stored_questions, sent[sent.len() - stored_questions.len()..]);
        assert_eq!(stored.len(), (2 * sent.len()).min(200));
        turns += sent.len();
    }
    stats.finish(rounds, format!("{turns} turns, none failed, no message lost"));
}

async fn restart(cluster: &Cluster, addresses: &Addresses, number: usize, instance: &mut Process) {
    sleep(Duration::from_millis(300)).await;
    instance.terminate().await;
    // A load balancer that checks readiness would do the same.
    addresses.remove(number);
    assert!(instance.wait_for_exit().await, "instance {number} failed to shut down");
    *instance = cluster.instance(number).await;
    addresses.insert(number, instance);
}

async fn send_questions(
    addresses: &Addresses,
    restarts_done: &CancellationToken,
) -> (ReconnectingClient, Vec<ReceivedAnswer>) {
    let mut client = ReconnectingClient::start(addresses).await;
    let mut answers = Vec::new();
    while !restarts_done.is_cancelled() {
        answers.push(client.ask(&question(answers.len())).await);
    }
    (client, answers)
}

fn question(number: usize) -> String {
    format!("question {number} with some more words")
}
