//! A message that is sent many times.

use futures_util::future::join_all;
use webchat_tests::{Addresses, ReconnectingClient, SoakStats};

use crate::operations::instances::Cluster;

const RESENDS: u32 = 100;

#[tokio::test]
async fn a_client_message_id_sent_a_hundred_times_creates_one_message_and_one_model_request() {
    let stats = SoakStats::start("one client_message_id sent, two instances");
    let cluster = Cluster::new();
    let (a, b) = tokio::join!(cluster.instance(0), cluster.instance(1));
    let addresses = Addresses::default();
    addresses.insert(0, &a);
    addresses.insert(1, &b);
    let browser = a.browser();
    let id = browser.start_conversation().await;
    let mut clients: Vec<_> =
        (0..RESENDS).map(|_| ReconnectingClient::join(&browser, &addresses, &id)).collect();

    let answers =
        join_all(clients.iter_mut().map(|client| client.ask_with_id("again", "once"))).await;

    assert!(answers.iter().all(|answer| answer.text == "You said: once"), "{answers:?}");
    assert_eq!(clients[0].stored_messages().await.len(), 2);
    assert_eq!(cluster.model.requests().len(), 1);
    stats.finish(RESENDS, "one message, one model request");
}
