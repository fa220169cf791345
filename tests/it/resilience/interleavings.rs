//! Clients that send messages to one conversation concurrently.

use std::time::Duration;

use futures_util::future::join_all;
use webchat_tests::{
    Addresses, ReconnectingClient, ScriptedModel, SoakStats, TestServer, test_or_soak,
};

use super::settings::NO_REQUEST_LIMIT;

const CLIENTS: usize = 3;
const QUESTIONS: usize = 5;

/// All clients disconnect and resend messages at random.
#[tokio::test]
async fn concurrent_clients_receive_every_message_once_and_in_the_same_order() {
    let stats =
        SoakStats::start("conversations of three clients that disconnect and resend, SQLite");
    let (rounds, mut messages) = (test_or_soak(5, 200), 0);
    let server = TestServer::with_model(
        ScriptedModel::with_delay(Duration::from_millis(1)),
        &NO_REQUEST_LIMIT,
    )
    .await;
    let browser = server.browser();
    let addresses = Addresses::of_browser(&browser);
    for _ in 0..rounds {
        let id = browser.start_conversation().await;
        let mut clients: Vec<_> = (0..CLIENTS)
            .map(|_| ReconnectingClient::join(&browser, &addresses, &id).disconnect_one_in(5))
            .collect();

        let mut questions: Vec<_> =
            join_all(clients.iter_mut().enumerate().map(send_questions)).await.concat();
        clients[0].ask("the end").await;
        join_all(clients.iter_mut().map(|client| client.wait_for_question("the end"))).await;

        questions.push("the end".to_owned());
        questions.sort();
        let stored = clients[0].stored_messages().await;
        assert_eq!(stored.len(), 2 * questions.len());
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
                client.questions.iter().map(|(_, question)| question.clone()).collect();
            assert_eq!(received, stored);
        }
        let mut sorted = stored;
        sorted.sort();
        assert_eq!(sorted, questions);
        messages += questions.len();
    }
    stats.finish(rounds, format!("{messages} messages, received once and in order by all clients"));
}

/// Sends questions, some of them twice. Returns their texts.
async fn send_questions((number, client): (usize, &mut ReconnectingClient)) -> Vec<String> {
    let mut questions = Vec::new();
    for question in 0..QUESTIONS {
        let question = format!("{number}.{question} and some more words");
        let answer = client.ask_with_id(&question, &question).await;
        assert_eq!(answer.text, format!("You said: {question}"));
        if fastrand::bool() {
            client.ask_with_id(&question, &question).await;
        }
        questions.push(question);
    }
    questions
}
