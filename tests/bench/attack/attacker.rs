//! An attacking client: its connections and requests, and their outcomes.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use reqwest::header::COOKIE;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use webchat_tests::Browser;

/// The number of requests by attack and outcome: a status code, or why there was none.
pub(super) type Tally = Arc<Mutex<BTreeMap<(&'static str, String), u32>>>;

/// An attack from one address. Clones share the attacker's identity and tally.
#[derive(Clone)]
pub(super) struct Attacker {
    /// The name of the attack.
    pub(super) attack: &'static str,
    pub(super) address: IpAddr,
    /// The browser of the user who owns the conversation.
    pub(super) browser: Browser,
    /// The browser of another user, for this attack only.
    pub(super) user: Browser,
    /// A conversation of long messages.
    pub(super) conversation: String,
    pub(super) tally: Tally,
}

impl Attacker {
    /// Returns the path of the conversation, followed by this suffix.
    pub(super) fn path(&self, suffix: &str) -> String {
        format!("/api/v1/conversations/{}{suffix}", self.conversation)
    }

    pub(super) fn count(&self, outcome: impl Into<String>) {
        *self.tally.lock().unwrap().entry((self.attack, outcome.into())).or_default() += 1;
    }

    /// Sends a request. Returns the response's body; null if it is not JSON.
    pub(super) async fn send(&self, request: RequestBuilder) -> Value {
        let send = async {
            let response = request.send().await?;
            let status = response.status();
            response.bytes().await.map(|body| (status, body))
        };
        match send.await {
            Ok((status, body)) => {
                self.count(status.as_str());
                serde_json::from_slice(&body).unwrap_or_default()
            }
            Err(error) => {
                self.count(if error.is_timeout() { "timeout" } else { "closed" });
                Value::Null
            }
        }
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        self.send(self.browser.request(Method::GET, path)).await
    }

    /// Gives the attack's user a session, unless the user has one.
    pub(super) async fn sign_in(&self) {
        if !self.user.headers().contains_key(COOKIE) {
            self.start_conversation().await;
        }
    }

    /// Starts a conversation of the attack's user. Returns its path, or `None` if the server refused it.
    pub(super) async fn start_conversation(&self) -> Option<String> {
        let conversation =
            self.send(self.user.request(Method::POST, "/api/v1/conversations")).await;
        let id = conversation["conversation_id"].as_str()?;
        Some(format!("/api/v1/conversations/{id}"))
    }

    /// Opens a connection and sends these bytes.
    pub(super) async fn open(&self, bytes: &[u8]) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((self.address, 0).into())?;
        let server = self.browser.base().socket_addrs(|| None)?.remove(0);
        let mut stream = socket.connect(server).await?;
        stream.write_all(bytes).await?;
        Ok(stream)
    }

    /// Counts the status of the response on a raw connection.
    pub(super) async fn count_response(&self, mut stream: impl AsyncRead + Unpin) {
        let mut head = [0; 12];
        let outcome = match stream.read_exact(&mut head).await {
            Ok(_) => String::from_utf8_lossy(&head).into_owned().split_off("HTTP/1.1 ".len()),
            Err(_) => "closed".to_owned(),
        };
        self.count(outcome);
    }
}
