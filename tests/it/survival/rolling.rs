use std::time::Duration;

use futures_util::future::{join, join_all};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use webchat_tests::{Addresses, Answered, Figure, Process, ScriptedModel, SteadyClient, often};

use crate::instances::Site;

const CLIENTS: usize = 8;

#[tokio::test]
async fn a_rolling_restart_under_load_fails_no_turn_and_loses_no_message() {
    let figure = Figure::of("rolling restarts of two instances under load");
    let (rounds, mut turns) = (often(1, 30), 0);
    let site = Site::with_model(ScriptedModel::paced(Duration::from_millis(20)));
    let addresses = Addresses::default();
    let mut instances = [site.instance(0).await, site.instance(1).await];
    for (number, instance) in instances.iter().enumerate() {
        addresses.put(number, instance);
    }
    let over = CancellationToken::new();
    let restarting = async {
        for _ in 0..rounds {
            for (number, instance) in instances.iter_mut().enumerate() {
                restart(&site, &addresses, number, instance).await;
            }
        }
        over.cancel();
    };

    let talking = join_all((0..CLIENTS).map(|_| talk(&addresses, &over)));
    let (talks, ()) = join(talking, restarting).await;

    for (client, answers) in talks {
        let asked: Vec<_> = (0..answers.len()).map(question).collect();
        let expected: Vec<_> = asked.iter().map(|asked| format!("You said: {asked}")).collect();
        let told: Vec<_> = answers.iter().map(|answer| answer.text.clone()).collect();
        assert_eq!(told, expected);
        assert!(answers.iter().all(|answer| answer.finish_reason == "stop"), "{answers:?}");
        // The newest page will do: it is as long as a page may be.
        let stored = client.stored().await;
        let questions = stored.iter().filter(|(role, ..)| role == "user");
        let stored_last: Vec<_> = questions.map(|(_, content, _)| content.clone()).collect();
        assert_eq!(stored_last, asked[asked.len() - stored_last.len()..]);
        assert_eq!(stored.len(), (2 * asked.len()).min(200));
        turns += asked.len();
    }
    figure.done(rounds, format!("{turns} turns, none failed, no message lost"));
}

async fn restart(site: &Site, addresses: &Addresses, number: usize, instance: &mut Process) {
    sleep(Duration::from_millis(300)).await;
    instance.terminate().await;
    // What a balancer does that asks for readiness.
    addresses.remove(number);
    assert!(instance.ends_well().await, "instance {number} did not end well");
    *instance = site.instance(number).await;
    addresses.put(number, instance);
}

async fn talk(addresses: &Addresses, over: &CancellationToken) -> (SteadyClient, Vec<Answered>) {
    let mut client = SteadyClient::start(addresses).await;
    let mut answers = Vec::new();
    while !over.is_cancelled() {
        answers.push(client.ask(&question(answers.len())).await);
    }
    (client, answers)
}

fn question(number: usize) -> String {
    format!("question {number} of some more words than one")
}
