use std::time::Duration;

use futures_util::future::join;
use webchat_tests::{Addresses, ScriptedModel, SteadyClient, TestServer, often};

#[tokio::test]
async fn a_client_that_is_cut_off_again_and_again_gets_the_whole_answer_once() {
    let server = TestServer::with_model(ScriptedModel::paced(Duration::from_millis(1)), &[]).await;
    let browser = server.browser();
    let addresses = Addresses::of(&browser);
    let words: Vec<String> = (0..300).map(|number| format!("word{number}")).collect();
    let mut cuts = 0;
    while cuts < often(30, 1_000) {
        let id = browser.start_conversation().await;
        let mut asking = SteadyClient::beside(&browser, &addresses, &id).cut_one_in(8);
        let mut watching = SteadyClient::beside(&browser, &addresses, &id).cut_one_in(8);
        let question = words.join(" ");

        let (answered, ()) =
            join(asking.ask_as("once", &question), watching.hear_of(&question)).await;
        let watched = watching.ask_as("once", &question).await;

        let whole = format!("You said: {question}");
        assert_eq!((answered.text, answered.finish_reason.as_str()), (whole.clone(), "stop"));
        assert_eq!(watched.text, whole, "by the client that only watched");
        assert_eq!(asking.stored().await.len(), 2);
        cuts += asking.cuts + watching.cuts;
    }
}
