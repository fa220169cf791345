use std::time::Duration;

use futures_util::future::join;
use webchat_tests::{Addresses, Browser, Figure, ScriptedModel, SteadyClient, TestServer, often};

use super::UNBOUNDED;
use crate::instances::Site;

#[tokio::test]
async fn a_client_that_is_cut_off_again_and_again_gets_the_whole_answer_once() {
    let figure = Figure::of("clients cut off in mid-answer, SQLite");
    let server = TestServer::with_model(hasty(), &UNBOUNDED).await;
    let browser = server.browser();

    cut(&browser, &Addresses::of(&browser), figure).await;
}

#[tokio::test]
async fn a_client_that_is_cut_off_gets_the_whole_answer_at_other_instances_too() {
    let figure = Figure::of("clients cut off in mid-answer, two instances");
    let site = Site::with_model(hasty());
    let (a, b) = tokio::join!(site.instance(0), site.instance(1));
    let addresses = Addresses::default();
    addresses.put(0, &a);
    addresses.put(1, &b);

    cut(&a.browser(), &addresses, figure).await;
}

fn hasty() -> ScriptedModel {
    ScriptedModel::paced(Duration::from_millis(1))
}

async fn cut(browser: &Browser, addresses: &Addresses, figure: Figure) {
    let words: Vec<String> = (0..300).map(|number| format!("word{number}")).collect();
    let question = words.join(" ");
    let (mut cuts, mut texts, mut events) = (0, 0, 0);
    while cuts < often(30, 1_000) {
        let id = browser.start_conversation().await;
        let mut asking = SteadyClient::beside(browser, addresses, &id).cut_one_in(8);
        let mut watching = SteadyClient::beside(browser, addresses, &id).cut_one_in(8);

        let (asked, ()) = join(asking.ask_as("once", &question), watching.hear_of(&question)).await;
        let watched = watching.ask_as("once", &question).await;

        assert_eq!(asked.text, format!("You said: {question}"));
        assert_eq!(asked.finish_reason, "stop");
        assert_eq!(watched, asked);
        assert_eq!(asking.stored().await.len(), 2);
        cuts += asking.cuts + watching.cuts;
        texts += 2;
        events += asking.events + watching.events;
    }
    figure
        .done(cuts, format!("{texts} texts equal byte for byte; {events} events, each told once"));
}
