//! Clients of one conversation that send messages concurrently.

use std::time::Duration;

use futures_util::future::join_all;
use webchat_tests::{
    Addresses, ReconnectingClient, ScriptedModel, SoakStats, TestServer, iterations,
};

use super::settings::UNBOUNDED;

const CLIENTS: usize = 3;
const QUESTIONS: usize = 5;

/// All clients disconnect at random and repeat messages at random.
#[tokio::test]
async fn concurrent_clients_see_every_message_once_and_in_the_same_order() {
    let stats =
        SoakStats::start("conversations of three clients that disconnect and repeat, SQLite");
    let (rounds, mut messages) = (iterations(5, 200), 0);
    let server =
        TestServer::with_model(ScriptedModel::with_delay(Duration::from_millis(1)), &UNBOUNDED)
            .await;
    let browser = server.browser();
    let addresses = Addresses::single(&browser);
    for _ in 0..rounds {
        let id = browser.start_conversation().await;
        let mut clients: Vec<_> = (0..CLIENTS)
            .map(|_| ReconnectingClient::join(&browser, &addresses, &id).disconnect_one_in(5))
            .collect();

        let mut asked: Vec<_> = join_all(clients.iter_mut().enumerate().map(talk)).await.concat();
        clients[0].ask("the end").await;
        join_all(clients.iter_mut().map(|client| client.wait_for_question("the end"))).await;

        asked.push("the end".to_owned());
        asked.sort();
        let stored = clients[0].stored_messages().await;
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
            let received: Vec<_> =
                client.questions.iter().map(|(_, asked)| asked.clone()).collect();
            assert_eq!(received, stored);
        }
        let mut sorted = stored;
        sorted.sort();
        assert_eq!(sorted, asked);
        messages += asked.len();
    }
    stats.finish(rounds, format!("{messages} messages, each once and in order for all"));
}

/// Sends questions, some of them twice. Returns the questions.
async fn talk((number, client): (usize, &mut ReconnectingClient)) -> Vec<String> {
    let mut asked = Vec::new();
    for question in 0..QUESTIONS {
        let question = format!("{number}.{question} and what comes behind it");
        let answered = client.ask_with_id(&question, &question).await;
        assert_eq!(answered.text, format!("You said: {question}"));
        if fastrand::bool() {
            client.ask_with_id(&question, &question).await;
        }
        asked.push(question);
    }
    asked
}
