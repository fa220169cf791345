//! Rolling restarts under load.

use std::time::Duration;

use futures_util::future::{join, join_all, join3};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use webchat_tests::{
    Addresses, Browser, FreePort, Process, ProxyProgram, ReceivedAnswer, ReconnectingClient,
    ScriptedModel, SoakStats, test_or_soak,
};

use crate::operations::instances::Cluster;

const CLIENTS: usize = 8;

#[tokio::test]
async fn no_turn_fails_and_no_message_is_lost_during_a_rolling_restart_under_load() {
    let stats = SoakStats::start("rolling restarts of two instances under load");
    let (rounds, mut turns) = (test_or_soak(1, 30), 0);
    let cluster = Cluster::with_model(ScriptedModel::with_delay(Duration::from_millis(20)));
    let addresses = Addresses::default();
    let mut instances = [cluster.instance(0).await, cluster.instance(1).await];
    for (number, instance) in instances.iter().enumerate() {
        addresses.insert(number, instance);
    }
    let restarts_done = CancellationToken::new();
    let restart_all = async {
        for _ in 0..rounds {
            for (number, instance) in instances.iter_mut().enumerate() {
                restart(&cluster, &addresses, number, instance).await;
            }
        }
        restarts_done.cancel();
    };

    let ask = join_all((0..CLIENTS).map(|_| send_questions(&addresses, &restarts_done)));
    let (results, ()) = join(ask, restart_all).await;

    for (client, answers) in results {
        turns += assert_nothing_failed(&client, &answers).await;
    }
    stats.finish(rounds, format!("{turns} turns, none failed, no message lost"));
}

/// Asserts that no turn failed and no message was lost. Returns the number of the client's turns.
async fn assert_nothing_failed(client: &ReconnectingClient, answers: &[ReceivedAnswer]) -> usize {
    let sent: Vec<_> = (0..answers.len()).map(question).collect();
    let expected: Vec<_> = sent.iter().map(|sent| format!("You said: {sent}")).collect();
    let received: Vec<_> = answers.iter().map(|answer| answer.text.clone()).collect();
    assert_eq!(received, expected);
    assert!(answers.iter().all(|answer| answer.finish_reason == "stop"), "{answers:?}");
    // This is only the newest page, which has at most 200 messages.
    let stored = client.stored_messages().await;
    let questions = stored.iter().filter(|(role, ..)| role == "user");
    let stored_questions: Vec<_> = questions.map(|(_, content, _)| content.clone()).collect();
    assert_eq!(stored_questions, sent[sent.len() - stored_questions.len()..]);
    assert_eq!(stored.len(), (2 * sent.len()).min(200));
    sent.len()
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

/// Replaces three instances one at a time, behind the load balancer of `deploy/compose.cluster.yaml`. Clients know only
/// the address of the load balancer.
#[tokio::test]
async fn no_turn_and_no_request_fails_during_a_rolling_update_behind_caddy() {
    let cluster = Cluster::with_model(ScriptedModel::with_delay(Duration::from_millis(20)));
    let ports = [(); 3].map(|()| FreePort::choose());
    let mut instances = Vec::new();
    for (number, port) in ports.iter().enumerate() {
        instances.push(cluster.instance_at(number, port.number()).await);
    }
    let servers = ports.each_ref().map(|port| format!("127.0.0.1:{}", port.number()));
    let front = FreePort::choose();
    let _proxy = front.start(ProxyProgram::Caddy, "caddy/Caddyfile.cluster", &servers).await;
    let addresses = Addresses::of_browser(&front.browser("/"));
    let update_done = CancellationToken::new();
    let update_all = async {
        // Let the clients start their conversations first: Caddy does not repeat a POST to a stopping instance.
        sleep(Duration::from_millis(500)).await;
        for (number, instance) in instances.iter_mut().enumerate() {
            instance.terminate().await;
            assert!(instance.wait_for_exit().await, "instance {number} failed to shut down");
            *instance = cluster.instance_at(number, ports[number].number()).await;
            // Caddy checks once a second whether an instance is ready.
            sleep(Duration::from_secs(3)).await;
        }
        update_done.cancel();
    };

    let ask = join_all((0..CLIENTS).map(|_| send_questions(&addresses, &update_done)));
    let read = read_repeatedly(front.browser("/"), &update_done);
    let (results, failed_reads, ()) = join3(ask, read, update_all).await;

    let mut turns = 0;
    for (client, answers) in results {
        turns += assert_nothing_failed(&client, &answers).await;
    }
    assert!(turns > CLIENTS, "{turns}");
    assert_eq!(failed_reads, [""; 0]);
}

/// Sends requests until `done`. Returns the statuses and the bodies of those that failed.
async fn read_repeatedly(browser: Browser, done: &CancellationToken) -> Vec<String> {
    browser.start_conversation().await;
    let mut failed = Vec::new();
    while !done.is_cancelled() {
        let response = browser.get("/api/v1/conversations").await;
        if response.status != 200 {
            failed.push(format!("{} {}", response.status, response.text));
        }
        sleep(Duration::from_millis(5)).await;
    }
    failed
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
