use std::sync::Arc;

use reqwest::cookie::{CookieStore, Jar};
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, ORIGIN, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::socket::upgrade_narrowly;
use crate::{PATIENCE, Process, Socket, upgrade};

/// Somebody with a cookie of their own.
#[derive(Clone)]
pub struct Browser {
    base: Url,
    jar: Arc<Jar>,
    client: Client,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
}

impl Browser {
    pub(crate) fn new(url: &str) -> Self {
        // Installed by the first browser; the others find it there.
        rustls::crypto::ring::default_provider().install_default().ok();
        let jar = Arc::new(Jar::default());
        let client =
            Client::builder().cookie_provider(Arc::clone(&jar)).timeout(PATIENCE).build().unwrap();
        Self { base: url.parse().unwrap(), jar, client }
    }

    /// The same browser after the server came back at another port: a cookie knows no port.
    #[must_use]
    pub fn at(&self, server: &Process) -> Self {
        self.at_url(server.browser().base)
    }

    /// The same browser at another server.
    #[must_use]
    pub fn at_url(&self, base: Url) -> Self {
        Self { base, ..self.clone() }
    }

    /// A request, to be completed.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.base.join(path).unwrap())
    }

    /// Sends a request.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        Answer {
            status: response.status(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    /// Reads something.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Reads a path that is sent as it is written, which a proper client would tidy: the answer as
    /// it comes over the wire.
    pub async fn get_as_written(&self, path: &str) -> String {
        let address = self.base.socket_addrs(|| None).unwrap();
        let mut stream = TcpStream::connect(address.as_slice()).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        timeout(PATIENCE, read).await.expect("an answer in time").unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Posts nothing.
    pub async fn post(&self, path: &str) -> Answer {
        self.send(self.request(Method::POST, path)).await
    }

    /// Changes something.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    /// Deletes something.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Sends a file as a page does.
    pub async fn upload(&self, path: &str, name: &str, content: &[u8]) -> Answer {
        self.post_form(path, &[("file", Some(name), content)]).await
    }

    /// Sends a form: of each field its name, a file's name if it is one, and what is in it.
    pub async fn post_form(&self, path: &str, fields: &[(&str, Option<&str>, &[u8])]) -> Answer {
        let mut form = Vec::new();
        for (field, file, content) in fields {
            let file = file.map_or_else(String::new, |name| format!("; filename=\"{name}\""));
            let disposition = format!("form-data; name=\"{field}\"{file}");
            let heading = format!("--edge\r\nContent-Disposition: {disposition}\r\n\r\n");
            form.extend_from_slice(&[heading.as_bytes(), content, b"\r\n"].concat());
        }
        form.extend_from_slice(b"--edge--\r\n");
        let request = self.request(Method::POST, path);
        self.send(request.header(CONTENT_TYPE, "multipart/form-data; boundary=edge").body(form))
            .await
    }

    /// Starts a conversation, which becomes the current one: its id.
    pub async fn start_conversation(&self) -> String {
        let answer = self.post("/start_conversation").await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.json()["conversation_id"].as_str().unwrap().to_owned()
    }

    /// Opens a WebSocket, which greets.
    pub async fn connect(&self) -> Socket {
        self.connect_at("/ws").await
    }

    /// Opens a WebSocket at another path than usual, which greets.
    pub async fn connect_at(&self, path: &str) -> Socket {
        let mut socket = self.open_socket(path).await;
        socket.expect("response").await;
        socket
    }

    /// Opens a WebSocket that holds up the server soon when it is not read, and is greeted.
    pub async fn connect_narrowly(&self) -> Socket {
        let url = self.base.join("/ws").unwrap();
        let mut socket = upgrade_narrowly(&url, self.headers()).await.unwrap();
        socket.expect("response").await;
        socket
    }

    /// Opens a WebSocket, whose greeting is still to come.
    pub async fn connect_ungreeted(&self) -> Socket {
        self.open_socket("/ws").await
    }

    async fn open_socket(&self, path: &str) -> Socket {
        let url = self.base.join(path).unwrap();
        let (socket, headers) = upgrade(&url, self.headers()).await.unwrap();
        self.jar.set_cookies(&mut headers.get_all(SET_COOKIE).iter(), &self.base);
        socket
    }

    /// Opens a WebSocket where there may be no server.
    pub async fn try_connect(&self) -> Option<Socket> {
        let (socket, _) = upgrade(&self.base.join("/ws").unwrap(), self.headers()).await.ok()?;
        Some(socket)
    }

    /// What a browser sends along with every request to its page's own host.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(cookies) = self.jar.cookies(&self.base) {
            headers.insert(COOKIE, cookies);
        }
        let origin = self.base.origin().ascii_serialization();
        headers.insert(ORIGIN, HeaderValue::from_str(&origin).unwrap());
        headers
    }

    /// The cookies it has.
    #[must_use]
    pub fn cookie(&self) -> String {
        let cookies = self.jar.cookies(&self.base).expect("cookies");
        cookies.to_str().unwrap().to_owned()
    }

    /// The server's address.
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.base
    }
}

impl Answer {
    /// The body.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The status and the error's code.
    #[must_use]
    pub fn refusal(&self) -> (u16, String) {
        (self.status.as_u16(), self.json()["code"].as_str().unwrap_or("no code").to_owned())
    }

    /// A header's text; empty without one.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
