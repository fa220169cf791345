use std::time::Duration;

use futures_util::future::join_all;
use webchat_tests::{Addresses, Figure, ScriptedModel, SteadyClient, TestServer, often};

use super::UNBOUNDED;

const CLIENTS: usize = 3;
const QUESTIONS: usize = 5;

/// Clients of one conversation, all of which are cut off at random and send again at random.
#[tokio::test]
async fn however_clients_come_between_each_other_each_message_stands_once_in_order_for_all() {
    let figure = Figure::of("conversations of three clients, cut off and repeating, SQLite");
    let (rounds, mut messages) = (often(5, 200), 0);
    let server =
        TestServer::with_model(ScriptedModel::paced(Duration::from_millis(1)), &UNBOUNDED).await;
    let browser = server.browser();
    let addresses = Addresses::of(&browser);
    for _ in 0..rounds {
        let id = browser.start_conversation().await;
        let mut clients: Vec<_> = (0..CLIENTS)
            .map(|_| SteadyClient::beside(&browser, &addresses, &id).cut_one_in(5))
            .collect();

        let mut asked: Vec<_> = join_all(clients.iter_mut().enumerate().map(talk)).await.concat();
        clients[0].ask("the end").await;
        join_all(clients.iter_mut().map(|client| client.hear_of("the end"))).await;

        asked.push("the end".to_owned());
        asked.sort();
        let stored = clients[0].stored().await;
        assert_eq!(stored.len(), 2 * asked.len());
        let stored: Vec<_> = stored
            .chunks(2)
            .map(|turn| {
                assert_eq!(turn[1].1, format!("You said: {}", turn[0].1));
                turn[0].1.clone()
            })
            .collect();
        for client in &clients {
            assert!(client.questions.is_sorted(), "{:?}", client.questions);
            let heard: Vec<_> = client.questions.iter().map(|(_, asked)| asked.clone()).collect();
            assert_eq!(heard, stored);
        }
        let mut sorted = stored;
        sorted.sort();
        assert_eq!(sorted, asked);
        messages += asked.len();
    }
    figure.done(rounds, format!("{messages} messages, each once and in order for all"));
}

/// What it asked, some of it more than once.
async fn talk((number, client): (usize, &mut SteadyClient)) -> Vec<String> {
    let mut asked = Vec::new();
    for question in 0..QUESTIONS {
        let question = format!("{number}.{question} and what comes behind it");
        let answered = client.ask_as(&question, &question).await;
        assert_eq!(answered.text, format!("You said: {question}"));
        if fastrand::bool() {
            client.ask_as(&question, &question).await;
        }
        asked.push(question);
    }
    asked
}
