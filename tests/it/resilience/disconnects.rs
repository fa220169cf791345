//! Clients that disconnect in the middle of an answer.

use std::time::Duration;

use futures_util::future::join;
use webchat_tests::{
    Addresses, Browser, ReconnectingClient, ScriptedModel, SoakStats, TestServer, test_or_soak,
};

use super::settings::NO_REQUEST_LIMIT;
use crate::operations::instances::Cluster;

#[tokio::test]
async fn a_client_that_keeps_disconnecting_receives_the_complete_answer_once() {
    let stats = SoakStats::start("clients disconnected during answers, SQLite");
    let server = TestServer::with_model(fast_model(), &NO_REQUEST_LIMIT).await;
    let browser = server.browser();

    disconnect_clients(&browser, &Addresses::of_browser(&browser), stats).await;
}

#[tokio::test]
async fn a_disconnected_client_receives_the_complete_answer_from_any_instance() {
    let stats = SoakStats::start("clients disconnected during answers, two instances");
    let cluster = Cluster::with_model(fast_model());
    let (a, b) = tokio::join!(cluster.instance(0), cluster.instance(1));
    let addresses = Addresses::default();
    addresses.insert(0, &a);
    addresses.insert(1, &b);

    disconnect_clients(&a.browser(), &addresses, stats).await;
}

fn fast_model() -> ScriptedModel {
    ScriptedModel::with_delay(Duration::from_millis(1))
}

async fn disconnect_clients(browser: &Browser, addresses: &Addresses, stats: SoakStats) {
    let words: Vec<String> = (0..300).map(|number| format!("word{number}")).collect();
    let question = words.join(" ");
    let (mut disconnects, mut answers, mut events) = (0, 0, 0);
    while disconnects < test_or_soak(30, 1_000) {
        let id = browser.start_conversation().await;
        let mut sender = ReconnectingClient::join(browser, addresses, &id).disconnect_one_in(8);
        let mut watcher = ReconnectingClient::join(browser, addresses, &id).disconnect_one_in(8);

        let (answer, ()) =
            join(sender.ask_with_id("once", &question), watcher.wait_for_question(&question)).await;
        let watched_answer = watcher.ask_with_id("once", &question).await;

        assert_eq!(answer.text, format!("You said: {question}"));
        assert_eq!(answer.finish_reason, "stop");
        assert_eq!(watched_answer, answer);
        assert_eq!(sender.stored_messages().await.len(), 2);
        disconnects += sender.disconnects + watcher.disconnects;
        answers += 2;
        events += sender.events + watcher.events;
    }
    stats.finish(
        disconnects,
        format!("{answers} answers received unchanged; {events} events, each received once"),
    );
}
