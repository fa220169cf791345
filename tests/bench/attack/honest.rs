//! The honest users, whose requests are measured. Each has its own address and works at a human rate.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio::time::{sleep, timeout};
use webchat_tests::{Browser, Process, Socket};

use super::import_file::import_conversation;
use crate::support::prose::Prose;

const USERS: u8 = 6;

/// The time between two requests of a user.
const PAUSE: Duration = Duration::from_millis(300);

/// The time after which a user gives up.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(15);

const CONVERSATIONS: usize = 10;
const MESSAGES: usize = 200;
const MESSAGE_CHARACTERS: usize = 500;

/// The operations that are measured. For a question, the time to the first chunk of the answer counts.
pub(super) const OPERATIONS: [&str; 4] =
    ["list conversations", "read a page", "search a word", "ask a question"];

/// A measured operation.
pub(super) struct Sample {
    pub(super) operation: &'static str,
    pub(super) duration: Duration,
    /// Why the operation failed, if it did.
    pub(super) error: Option<String>,
}

/// A user with some short conversations and a long one.
pub(super) struct User {
    browser: Browser,
    socket: Option<Socket>,
    long_conversation: String,
    /// The conversation in which the user asks questions.
    open_conversation: String,
}

/// Creates the users.
pub(super) async fn sign_up(server: &Process) -> Vec<User> {
    join_all((0..USERS).map(|number| User::new(server, number))).await
}

/// Lets all users work for this time. Returns their operations.
pub(super) async fn work(users: &mut [User], duration: Duration) -> Vec<Sample> {
    let end = Instant::now() + duration;
    let samples = join_all(users.iter_mut().map(|user| user.work_until(end))).await;
    samples.into_iter().flatten().collect()
}

impl User {
    async fn new(server: &Process, number: u8) -> Self {
        let address = IpAddr::V4(Ipv4Addr::new(127, 0, 1, number + 1));
        let browser = server.browser().with_address(address);
        for _ in 1..CONVERSATIONS {
            browser.start_conversation().await;
        }
        let open_conversation = browser.start_conversation().await;
        let mut prose = Prose::new();
        // All users write about the moon, the attackers too.
        let texts = (0..MESSAGES).map(|_| format!("moon {}", prose.text(MESSAGE_CHARACTERS)));
        let long_conversation = import_conversation(&browser, texts).await;
        Self { browser, socket: None, long_conversation, open_conversation }
    }

    async fn work_until(&mut self, end: Instant) -> Vec<Sample> {
        let mut samples = Vec::new();
        while Instant::now() < end {
            for operation in OPERATIONS {
                let (duration, result) = self.perform(operation).await;
                samples.push(Sample { operation, duration, error: result.err() });
                sleep(PAUSE).await;
            }
        }
        samples
    }

    async fn perform(&mut self, operation: &str) -> (Duration, Result<(), String>) {
        let page = format!("/api/v1/conversations/{}/messages", self.long_conversation);
        if operation == "ask a question" && self.socket.is_none() {
            self.socket = self.connect().await;
        }
        let started = Instant::now();
        let result = match operation {
            "list conversations" => self.get("/api/v1/conversations").await,
            "read a page" => self.get(&page).await,
            "search a word" => self.get("/api/v1/search?q=moon").await,
            _ => return self.ask().await,
        };
        (started.elapsed(), result)
    }

    async fn get(&self, path: &str) -> Result<(), String> {
        let read = async {
            let response = self.browser.request(Method::GET, path).send().await?;
            let status = response.status();
            response.bytes().await.map(|_| status)
        };
        match timeout(RESPONSE_TIMEOUT, read).await {
            Ok(Ok(status)) if status == 200 => Ok(()),
            Ok(Ok(status)) => Err(status.as_str().to_owned()),
            Ok(Err(_)) => Err("connection failed".to_owned()),
            Err(_) => Err("no response".to_owned()),
        }
    }

    async fn connect(&self) -> Option<Socket> {
        timeout(RESPONSE_TIMEOUT, self.browser.try_connect()).await.ok().flatten()
    }

    /// Asks a question. Returns the time to the first chunk of the answer. A failure closes the connection.
    async fn ask(&mut self) -> (Duration, Result<(), String>) {
        let started = Instant::now();
        let question = json!({"conversation_id": self.open_conversation, "message": "Why tides?"});
        let Some(socket) = &mut self.socket else {
            return (started.elapsed(), Err("no connection".to_owned()));
        };
        let mut first_chunk = None;
        let receive_answer = async {
            socket.try_send("send_message", question).await;
            loop {
                let (event, data) = socket.try_receive().await.ok_or("connection closed")?;
                match event.as_str() {
                    "response_chunk" => _ = first_chunk.get_or_insert(started.elapsed()),
                    "token_usage" => return Ok(()),
                    "error" => return Err(data["code"].as_str().unwrap().to_owned()),
                    _ => {}
                }
            }
        };
        let result = timeout(RESPONSE_TIMEOUT, receive_answer).await;
        let result = result.unwrap_or_else(|_| Err("no answer".to_owned()));
        if result.is_err() {
            self.socket = None;
        }
        (first_chunk.unwrap_or_else(|| started.elapsed()), result)
    }
}
