//! Rolling restarts under load.

use std::time::Duration;

use futures_util::future::{join, join_all};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use webchat_tests::{
    Addresses, Process, ReceivedAnswer, ReconnectingClient, ScriptedModel, SoakStats, iterations,
};

use crate::operations::instances::Cluster;

const CLIENTS: usize = 8;

#[tokio::test]
async fn a_rolling_restart_under_load_fails_no_turn_and_loses_no_message() {
    let stats = SoakStats::start("rolling restarts of two instances under load");
    let (rounds, mut turns) = (iterations(1, 30), 0);
    let cluster = Cluster::with_model(ScriptedModel::with_delay(Duration::from_millis(20)));
    let addresses = Addresses::default();
    let mut instances = [cluster.instance(0).await, cluster.instance(1).await];
    for (number, instance) in instances.iter().enumerate() {
        addresses.insert(number, instance);
    }
    let over = CancellationToken::new();
    let restarting = async {
        for _ in 0..rounds {
            for (number, instance) in instances.iter_mut().enumerate() {
                restart(&cluster, &addresses, number, instance).await;
            }
        }
        over.cancel();
    };

    let talking = join_all((0..CLIENTS).map(|_| talk(&addresses, &over)));
    let (talks, ()) = join(talking, restarting).await;

    for (client, answers) in talks {
        let asked: Vec<_> = (0..answers.len()).map(question).collect();
        let expected: Vec<_> = asked.iter().map(|asked| format!("You said: {asked}")).collect();
        let received: Vec<_> = answers.iter().map(|answer| answer.text.clone()).collect();
        assert_eq!(received, expected);
        assert!(answers.iter().all(|answer| answer.finish_reason == "stop"), "{answers:?}");
        // Check the newest page only, which has the maximum size.
        let stored = client.stored_messages().await;
        let questions = stored.iter().filter(|(role, ..)| role == "user");
        let stored_last: Vec<_> = questions.map(|(_, content, _)| content.clone()).collect();
        assert_eq!(stored_last, asked[asked.len() - stored_last.len()..]);
        assert_eq!(stored.len(), (2 * asked.len()).min(200));
        turns += asked.len();
    }
    stats.finish(rounds, format!("{turns} turns, none failed, no message lost"));
}

async fn restart(cluster: &Cluster, addresses: &Addresses, number: usize, instance: &mut Process) {
    sleep(Duration::from_millis(300)).await;
    instance.terminate().await;
    // A load balancer that checks readiness does the same.
    addresses.remove(number);
    assert!(instance.wait_for_exit().await, "instance {number} failed to shut down");
    *instance = cluster.instance(number).await;
    addresses.insert(number, instance);
}

async fn talk(
    addresses: &Addresses,
    over: &CancellationToken,
) -> (ReconnectingClient, Vec<ReceivedAnswer>) {
    let mut client = ReconnectingClient::start(addresses).await;
    let mut answers = Vec::new();
    while !over.is_cancelled() {
        answers.push(client.ask(&question(answers.len())).await);
    }
    (client, answers)
}

fn question(number: usize) -> String {
    format!("question {number} of some more words than one")
}
