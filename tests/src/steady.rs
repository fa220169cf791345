use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Url;
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use crate::{Browser, Link, Process, Socket};

/// Where the servers are at the moment, by their numbers: what a balancer knows.
#[derive(Clone, Default)]
pub struct Addresses(Arc<Mutex<BTreeMap<usize, Url>>>);

impl Addresses {
    /// That of one server alone.
    #[must_use]
    pub fn of(browser: &Browser) -> Self {
        let addresses = Self::default();
        addresses.0.lock().unwrap().insert(0, browser.base().clone());
        addresses
    }

    /// Behind this link.
    #[must_use]
    pub fn at(link: &Link) -> Self {
        let addresses = Self::default();
        let url = format!("http://{}", link.address()).parse().unwrap();
        addresses.0.lock().unwrap().insert(0, url);
        addresses
    }

    /// The server with this number is there.
    pub fn put(&self, number: usize, server: &Process) {
        self.0.lock().unwrap().insert(number, server.browser().base().clone());
    }

    /// It is gone.
    pub fn remove(&self, number: usize) {
        self.0.lock().unwrap().remove(&number);
    }

    fn any(&self) -> Option<Url> {
        fastrand::choice(self.0.lock().unwrap().values()).cloned()
    }
}

/// A client as the page is one: it comes back to any server by itself, sends again what may not have
/// been stored, and asks for what it missed. An event that comes twice, or out of order, fails the
/// test; so does one that it can't get any more.
pub struct SteadyClient {
    browser: Browser,
    addresses: Addresses,
    conversation_id: String,
    socket: Option<Socket>,
    reached: u64,
    cut_one_in: Option<u32>,
    /// How often its connection was cut by itself.
    pub cuts: u32,
    /// How many events of the conversation it was told.
    pub events: u32,
    /// What was asked in the conversation, by whomever, as it was told: the position and the question.
    pub questions: Vec<(u64, String)>,
    turns: HashMap<String, Answered>,
}

/// An answer as it was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// All of its parts.
    pub text: String,
    /// Why it ended.
    pub finish_reason: String,
    ended: bool,
}

impl SteadyClient {
    /// Somebody new, who begins a conversation.
    pub async fn start(addresses: &Addresses) -> Self {
        let browser = Browser::new(addresses.any().expect("a server").as_str());
        let id = browser.start_conversation().await;
        Self::beside(&browser, addresses, &id)
    }

    /// One more client of somebody's conversation.
    #[must_use]
    pub fn beside(browser: &Browser, addresses: &Addresses, conversation_id: &str) -> Self {
        Self {
            browser: browser.clone(),
            addresses: addresses.clone(),
            conversation_id: conversation_id.to_owned(),
            socket: None,
            reached: 0,
            cut_one_in: None,
            cuts: 0,
            events: 0,
            questions: Vec::new(),
            turns: HashMap::new(),
        }
    }

    /// Cuts its connection after one in so many events, at random.
    #[must_use]
    pub fn cut_one_in(mut self, events: u32) -> Self {
        self.cut_one_in = Some(events);
        self
    }

    /// Whose conversation it is.
    #[must_use]
    pub fn browser(&self) -> &Browser {
        &self.browser
    }

    /// Asks, and waits for the whole answer.
    pub async fn ask(&mut self, question: &str) -> Answered {
        self.ask_as(&Uuid::now_v7().to_string(), question).await
    }

    /// Asks under this `client_message_id`. If it has been used before, that question's answer is
    /// waited for.
    pub async fn ask_as(&mut self, client_message_id: &str, question: &str) -> Answered {
        let asking = json!({
            "conversation_id": self.conversation_id, "message": question,
            "client_message_id": client_message_id,
        });
        let mut turn_id = None;
        loop {
            let socket = self.connected().await;
            if turn_id.is_none() {
                socket.try_say("send_message", asking.clone()).await;
            }
            while let Some((event, data)) = self.next().await {
                if event == "message_accepted" && data["client_message_id"] == client_message_id {
                    turn_id = Some(text(&data["turn_id"]).to_owned());
                }
                if let Some(ended) = turn_id.as_ref().and_then(|id| self.ended(id)) {
                    return ended;
                }
                if event == "error" && data["turn_id"].is_null() {
                    self.wait_after(&data).await;
                    break;
                }
            }
        }
    }

    /// Waits until it has been told the question with this text.
    pub async fn hear_of(&mut self, question: &str) {
        while !self.questions.iter().any(|(_, heard)| heard == question) {
            self.connected().await;
            self.next().await;
        }
    }

    /// What is stored of the conversation: each message's role, text and status.
    pub async fn stored(&self) -> Vec<(String, String, String)> {
        let browser = self.browser.at_url(self.addresses.any().expect("a server"));
        let path = format!("/api/v1/conversations/{}/messages?limit=200", self.conversation_id);
        let page = browser.get(&path).await.json();
        let messages = page["messages"].as_array().unwrap_or_else(|| panic!("{page}"));
        let field = |message: &Value, name| text(&message[name]).to_owned();
        messages
            .iter()
            .map(|one| (field(one, "role"), field(one, "content"), field(one, "status")))
            .collect()
    }

    fn ended(&self, turn_id: &str) -> Option<Answered> {
        self.turns.get(turn_id).filter(|answered| answered.ended).cloned()
    }

    fn note(&mut self, event: &str, data: &Value) {
        assert!(event != "subscribed" || data["recovered"] == true, "events were lost: {data}");
        let Some(seq) = data["seq"].as_u64() else { return };
        assert!(seq > self.reached, "{event} came twice, or late: {data}");
        self.reached = seq;
        self.events += 1;
        let Some(turn_id) = data["turn_id"].as_str() else { return };
        let answered = self.turns.entry(turn_id.to_owned()).or_default();
        match event {
            "message_accepted" => {
                let position = data["position"].as_u64().unwrap();
                self.questions.push((position, text(&data["content"]).to_owned()));
            }
            "response_chunk" => answered.text.push_str(text(&data["chunk"])),
            "response_end" => text(&data["finish_reason"]).clone_into(&mut answered.finish_reason),
            "token_usage" => answered.ended = true,
            _ => {}
        }
    }

    async fn wait_after(&mut self, refusal: &Value) {
        match text(&refusal["code"]) {
            "turn_in_progress" | "storage_unavailable" | "too_many_turns" => {}
            "shutting_down" => self.socket = None,
            _ => panic!("refused: {refusal}"),
        }
        sleep(Duration::from_millis(fastrand::u64(10..50))).await;
    }

    async fn next(&mut self) -> Option<(String, Value)> {
        let heard = match &mut self.socket {
            Some(socket) => socket.try_next().await,
            None => None,
        };
        let Some((event, data)) = &heard else {
            self.socket = None;
            return None;
        };
        self.note(event, data);
        if self.cut_one_in.is_some_and(|events| fastrand::u32(..events) == 0) {
            self.socket = None;
            self.cuts += 1;
        }
        heard
    }

    async fn connected(&mut self) -> &mut Socket {
        while self.socket.is_none() {
            if let Some(url) = self.addresses.any()
                && let Some(mut socket) = self.browser.at_url(url).try_connect().await
            {
                let following =
                    json!({"conversation_id": self.conversation_id, "after": self.reached});
                socket.try_say("subscribe", following).await;
                self.socket = Some(socket);
            } else {
                sleep(Duration::from_millis(20)).await;
            }
        }
        self.socket.as_mut().unwrap()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
