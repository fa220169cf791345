//! The clients, which read as little of each event as possible, because they take processor time from the server.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use reqwest::Url;
use serde_json::json;
use webchat_llm::{ChatModel, Delta, HttpChatModel, HttpSettings};
use webchat_tests::{Browser, Process, Socket, SocketIo, Transport};

use super::load::{Endpoint, Load, TurnTimes};
use crate::support::upstream::chat_request;

/// The number of turns in each conversation.
const TURNS_PER_CONVERSATION: usize = 10;

/// The number of users who sign up at the same time.
const CONCURRENCY: usize = 20;

const QUESTION: &str = "Why is the sky blue?";

/// A client that asks questions one after the other.
pub(super) struct Client {
    connection: Connection,
    conversations: Vec<String>,
}

enum Connection {
    Direct(Box<HttpChatModel>),
    WebSocket(Socket),
    SocketIo(SocketIo),
}

/// Creates clients that ask the upstream without a server, and read its answers as the server does.
pub(super) fn connect_directly(upstream: &Url, load: Load) -> Vec<Client> {
    let connect = |_| {
        let model = HttpChatModel::new(HttpSettings::new(upstream.clone())).unwrap();
        let conversations = (0..load.conversations).map(|_| String::new()).collect();
        Client { connection: Connection::Direct(Box::new(model)), conversations }
    };
    (0..load.clients).map(connect).collect()
}

/// Creates users of the server, each with a connection and empty conversations.
pub(super) async fn connect(server: &Process, endpoint: Endpoint, load: Load) -> Vec<Client> {
    let users = stream::iter(0..load.clients).map(|_| async {
        let browser = server.browser();
        let starts = (0..load.conversations).map(|_| browser.start_conversation());
        // The first one creates the session.
        browser.start_conversation().await;
        let conversations = join_all(starts).await;
        Client { connection: Connection::open(&browser, endpoint).await, conversations }
    });
    users.buffer_unordered(CONCURRENCY).collect().await
}

impl Connection {
    async fn open(browser: &Browser, endpoint: Endpoint) -> Self {
        if endpoint == Endpoint::SocketIo {
            Self::SocketIo(SocketIo::connect(browser, Transport::WebSocket).await)
        } else {
            Self::WebSocket(browser.connect().await)
        }
    }
}

impl Client {
    /// Asks ten questions in each conversation.
    pub(super) async fn ask_all(mut self) -> Vec<TurnTimes> {
        let mut times = Vec::new();
        for id in std::mem::take(&mut self.conversations) {
            for _ in 0..TURNS_PER_CONVERSATION {
                times.push(self.ask(&id).await);
            }
        }
        times
    }

    async fn ask(&mut self, id: &str) -> TurnTimes {
        let asked_at = Instant::now();
        let question = || json!({"conversation_id": id, "message": QUESTION});
        let (mut first_text, mut last_text) = (None, Duration::ZERO);
        let mut record_text = || {
            last_text = asked_at.elapsed();
            first_text.get_or_insert(last_text);
        };
        match &mut self.connection {
            Connection::Direct(model) => {
                let mut deltas = model.stream(chat_request(QUESTION)).await.unwrap();
                while let Some(delta) = deltas.next().await {
                    if let Delta::Text(_) = delta.unwrap() {
                        record_text();
                    }
                }
            }
            Connection::WebSocket(socket) => {
                socket.send("send_message", question()).await;
                let receive = async || socket.receive_text().await;
                receive_answer(receive, "{\"event\":\"", record_text).await;
            }
            Connection::SocketIo(client) => {
                client.emit("send_message", question(), None).await;
                let receive = async || {
                    let packet = client.receive().await;
                    if packet == "2" {
                        client.send("3").await;
                    }
                    packet
                };
                receive_answer(receive, "42[\"", record_text).await;
            }
        }
        TurnTimes { first_text: first_text.unwrap(), last_text }
    }
}

/// Receives the events of a turn, whose names follow `prefix`.
async fn receive_answer(
    mut receive: impl AsyncFnMut() -> String,
    prefix: &str,
    mut record_text: impl FnMut(),
) {
    loop {
        let packet = receive().await;
        let event = packet.strip_prefix(prefix).and_then(|rest| rest.split('"').next());
        match event {
            Some("response_chunk") => record_text(),
            Some("token_usage") => return,
            Some("error") => panic!("error event: {packet}"),
            _ => {}
        }
    }
}
