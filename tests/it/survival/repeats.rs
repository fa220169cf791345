use futures_util::future::join_all;
use webchat_tests::{Addresses, Figure, SteadyClient};

use crate::instances::Site;

const TIMES: u32 = 100;

#[tokio::test]
async fn one_name_sent_a_hundred_times_to_two_instances_is_one_message_and_one_call() {
    let figure = Figure::of("one client_message_id sent, two instances");
    let site = Site::new();
    let (a, b) = tokio::join!(site.instance(0), site.instance(1));
    let addresses = Addresses::default();
    addresses.put(0, &a);
    addresses.put(1, &b);
    let browser = a.browser();
    let id = browser.start_conversation().await;
    let mut clients: Vec<_> =
        (0..TIMES).map(|_| SteadyClient::beside(&browser, &addresses, &id)).collect();

    let answers = join_all(clients.iter_mut().map(|client| client.ask_as("again", "once"))).await;

    assert!(answers.iter().all(|answer| answer.text == "You said: once"), "{answers:?}");
    assert_eq!(clients[0].stored().await.len(), 2);
    assert_eq!(site.model.requests().len(), 1);
    figure.done(TIMES, "one message, one call upstream");
}
