//! A client that reconnects after disconnects and verifies the events that it receives.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Url;
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use crate::browser::Browser;
use crate::process::Process;
use crate::proxies::FaultyProxy;
use crate::socket::Socket;

/// The URLs of the running servers by number, like the table of a load balancer.
#[derive(Clone, Default)]
pub struct Addresses(Arc<Mutex<BTreeMap<usize, Url>>>);

impl Addresses {
    /// Contains only the URL of the browser's server.
    #[must_use]
    pub fn of_browser(browser: &Browser) -> Self {
        let addresses = Self::default();
        addresses.0.lock().unwrap().insert(0, browser.base().clone());
        addresses
    }

    /// Contains only the URL of this proxy.
    #[must_use]
    pub fn of_proxy(proxy: &FaultyProxy) -> Self {
        let addresses = Self::default();
        let url = format!("http://{}", proxy.address()).parse().unwrap();
        addresses.0.lock().unwrap().insert(0, url);
        addresses
    }

    /// Adds the server with this number.
    pub fn insert(&self, number: usize, server: &Process) {
        self.0.lock().unwrap().insert(number, server.browser().base().clone());
    }

    /// Removes the server with this number.
    pub fn remove(&self, number: usize) {
        self.0.lock().unwrap().remove(&number);
    }

    fn random(&self) -> Option<Url> {
        fastrand::choice(self.0.lock().unwrap().values()).cloned()
    }
}

/// A client that behaves like the page: it reconnects to a random server, resends a message that might not
/// have been stored, and subscribes to the events that it missed. It panics if an event is duplicate, out of
/// order or lost.
pub struct ReconnectingClient {
    browser: Browser,
    addresses: Addresses,
    conversation_id: String,
    socket: Option<Socket>,
    last_seq: u64,
    disconnect_one_in: Option<u32>,
    /// The number of intentional disconnects.
    pub disconnects: u32,
    /// The number of received events of the conversation.
    pub events: u32,
    /// The positions and texts of all clients' questions, in the order of their events.
    pub questions: Vec<(u64, String)>,
    /// The answers by turn id.
    answers: HashMap<String, ReceivedAnswer>,
}

/// An answer as the client received it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceivedAnswer {
    /// The text of all chunks.
    pub text: String,
    /// The finish reason.
    pub finish_reason: String,
    is_complete: bool,
}

impl ReconnectingClient {
    /// Creates a client of a new user, who starts a conversation.
    pub async fn start(addresses: &Addresses) -> Self {
        let browser = Browser::new(addresses.random().expect("a server").as_str());
        let id = browser.start_conversation().await;
        Self::join(&browser, addresses, &id)
    }

    /// Creates another client for a user's conversation.
    #[must_use]
    pub fn join(browser: &Browser, addresses: &Addresses, conversation_id: &str) -> Self {
        Self {
            browser: browser.clone(),
            addresses: addresses.clone(),
            conversation_id: conversation_id.to_owned(),
            socket: None,
            last_seq: 0,
            disconnect_one_in: None,
            disconnects: 0,
            events: 0,
            questions: Vec::new(),
            answers: HashMap::new(),
        }
    }

    /// Makes the client disconnect at random, on average after every `events` events.
    #[must_use]
    pub fn disconnect_one_in(mut self, events: u32) -> Self {
        self.disconnect_one_in = Some(events);
        self
    }

    /// The browser of the conversation's user.
    #[must_use]
    pub fn browser(&self) -> &Browser {
        &self.browser
    }

    /// Sends a question and waits for the complete answer.
    pub async fn ask(&mut self, question: &str) -> ReceivedAnswer {
        self.ask_with_id(&Uuid::now_v7().to_string(), question).await
    }

    /// Sends a question with this `client_message_id`. Waits for the complete answer; if the id was used before,
    /// for that to the earlier question.
    pub async fn ask_with_id(&mut self, client_message_id: &str, question: &str) -> ReceivedAnswer {
        let message = json!({
            "conversation_id": self.conversation_id, "message": question,
            "client_message_id": client_message_id,
        });
        let mut turn_id = None;
        loop {
            let socket = self.connected_socket().await;
            if turn_id.is_none() {
                socket.try_send("send_message", message.clone()).await;
            }
            while let Some((event, data)) = self.receive().await {
                if event == "message_accepted" && data["client_message_id"] == client_message_id {
                    turn_id = Some(text(&data["turn_id"]).to_owned());
                }
                if let Some(answer) = turn_id.as_ref().and_then(|id| self.complete_answer(id)) {
                    return answer;
                }
                if event == "error" && data["turn_id"].is_null() {
                    self.wait_before_retry(&data).await;
                    break;
                }
            }
        }
    }

    /// Waits until the client has received the question with this text.
    pub async fn wait_for_question(&mut self, question: &str) {
        while !self.questions.iter().any(|(_, received)| received == question) {
            self.connected_socket().await;
            self.receive().await;
        }
    }

    /// Returns the role, content and status of the conversation's stored messages.
    pub async fn stored_messages(&self) -> Vec<(String, String, String)> {
        let browser = self.browser.at_url(self.addresses.random().expect("a server"));
        let path = format!("/api/v1/conversations/{}/messages?limit=200", self.conversation_id);
        let page = browser.get(&path).await.json();
        let messages = page["messages"].as_array().unwrap_or_else(|| panic!("{page}"));
        let field = |message: &Value, name| text(&message[name]).to_owned();
        messages
            .iter()
            .map(|message| {
                (field(message, "role"), field(message, "content"), field(message, "status"))
            })
            .collect()
    }

    fn complete_answer(&self, turn_id: &str) -> Option<ReceivedAnswer> {
        self.answers.get(turn_id).filter(|answer| answer.is_complete).cloned()
    }

    fn record(&mut self, event: &str, data: &Value) {
        assert!(event != "subscribed" || data["recovered"] == true, "events were lost: {data}");
        let Some(seq) = data["seq"].as_u64() else { return };
        assert!(seq > self.last_seq, "{event} is duplicate or out of order: {data}");
        self.last_seq = seq;
        self.events += 1;
        let Some(turn_id) = data["turn_id"].as_str() else { return };
        let answer = self.answers.entry(turn_id.to_owned()).or_default();
        match event {
            "message_accepted" => {
                let position = data["position"].as_u64().unwrap();
                self.questions.push((position, text(&data["content"]).to_owned()));
            }
            "response_chunk" => answer.text.push_str(text(&data["chunk"])),
            "response_end" => text(&data["finish_reason"]).clone_into(&mut answer.finish_reason),
            "token_usage" => answer.is_complete = true,
            _ => {}
        }
    }

    async fn wait_before_retry(&mut self, error: &Value) {
        match text(&error["code"]) {
            "turn_in_progress" | "storage_unavailable" | "too_many_turns" => {}
            "shutting_down" => self.socket = None,
            _ => panic!("unexpected error: {error}"),
        }
        sleep(Duration::from_millis(fastrand::u64(10..50))).await;
    }

    async fn receive(&mut self) -> Option<(String, Value)> {
        let received = match &mut self.socket {
            Some(socket) => socket.try_receive().await,
            None => None,
        };
        let Some((event, data)) = &received else {
            self.socket = None;
            return None;
        };
        self.record(event, data);
        if self.disconnect_one_in.is_some_and(|events| fastrand::u32(..events) == 0) {
            self.socket = None;
            self.disconnects += 1;
        }
        received
    }

    async fn connected_socket(&mut self) -> &mut Socket {
        while self.socket.is_none() {
            if let Some(url) = self.addresses.random()
                && let Some(mut socket) = self.browser.at_url(url).try_connect().await
            {
                let subscription =
                    json!({"conversation_id": self.conversation_id, "after": self.last_seq});
                socket.try_send("subscribe", subscription).await;
                self.socket = Some(socket);
            } else {
                sleep(Duration::from_millis(20)).await;
            }
        }
        self.socket.as_mut().unwrap()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}"))
}
