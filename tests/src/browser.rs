//! An HTTP client with cookies, and its responses.

mod imports;

use std::net::IpAddr;
use std::sync::Arc;

use reqwest::cookie::{CookieStore, Jar};
use reqwest::header::{
    AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, ORIGIN, SET_COOKIE,
};
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url, redirect};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Error;

use crate::socket::{Socket, upgrade, upgrade_from, upgrade_with_small_buffer};
use crate::timeout::TIMEOUT;

/// A user's browser, with its own cookie jar.
#[derive(Clone)]
pub struct Browser {
    base: Url,
    jar: Arc<Jar>,
    client: Client,
    address: Option<IpAddr>,
    /// The API key that is sent with each request.
    key: Option<String>,
}

/// A complete HTTP response.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl Browser {
    pub(crate) fn new(url: &str) -> Self {
        // The provider is global, so installing it fails for all browsers but the first.
        rustls::crypto::ring::default_provider().install_default().ok();
        Self::build(url.parse().unwrap(), Arc::default(), None)
    }

    fn build(base: Url, jar: Arc<Jar>, address: Option<IpAddr>) -> Self {
        let client = Client::builder().cookie_provider(Arc::clone(&jar)).timeout(TIMEOUT).no_gzip();
        let client = client.local_address(address).build().unwrap();
        Self { base, jar, client, address, key: None }
    }

    /// Creates a program without cookies that sends this API key.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.new_user() }
    }

    /// Returns this browser, with the same cookies, connecting from this local address.
    #[must_use]
    pub fn with_address(&self, address: IpAddr) -> Self {
        Self::build(self.base.clone(), Arc::clone(&self.jar), Some(address))
    }

    /// Creates the browser of a new user at the same address.
    #[must_use]
    pub fn new_user(&self) -> Self {
        Self::build(self.base.clone(), Arc::default(), self.address)
    }

    /// Returns this browser, with the same cookies, without following redirects.
    #[must_use]
    pub fn without_redirects(&self) -> Self {
        let client = Client::builder().cookie_provider(Arc::clone(&self.jar)).timeout(TIMEOUT);
        let client = client.no_gzip().redirect(redirect::Policy::none());
        let client = client.local_address(self.address).build().unwrap();
        Self { client, ..self.clone() }
    }

    /// Creates a browser that has only this cookie, as [`Browser::cookie`] returns it.
    #[must_use]
    pub fn with_cookie(&self, cookie: &str) -> Self {
        let browser = self.new_user();
        browser.jar.add_cookie_str(cookie, &browser.base);
        browser
    }

    /// The value of the browser's `Cookie` header for this path.
    #[must_use]
    pub fn cookie_for(&self, path: &str) -> String {
        let cookies = self.jar.cookies(&self.url(path)).expect("cookies");
        cookies.to_str().unwrap().to_owned()
    }

    /// Creates a browser that has only these cookies, as [`Browser::cookie_for`] returns them.
    #[must_use]
    pub fn with_cookies(&self, cookies: &str) -> Self {
        let browser = self.new_user();
        for cookie in cookies.split("; ") {
            browser.jar.add_cookie_str(&format!("{cookie}; Path=/"), &browser.base);
        }
        browser
    }

    /// Returns this browser, with the same cookies, for a server at another URL. Cookies are not bound to a port.
    #[must_use]
    pub fn at_url(&self, base: Url) -> Self {
        Self { base, ..self.clone() }
    }

    /// Returns the URL of a path of the server. The server itself may be under a path.
    #[must_use]
    pub fn url(&self, path: &str) -> Url {
        self.base.join(&format!(".{path}")).unwrap()
    }

    /// Creates a request that the test can extend before it sends it.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, self.url(path));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// Sends a request.
    pub async fn send(&self, request: RequestBuilder) -> Response {
        let response = request.send().await.unwrap();
        Response {
            status: response.status(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    /// Sends a `GET` request.
    pub async fn get(&self, path: &str) -> Response {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a `GET` request with exactly this path, which an HTTP client would normalise. Returns the raw
    /// response.
    pub async fn get_raw(&self, path: &str) -> String {
        let address = self.base.socket_addrs(|| None).unwrap();
        let mut stream = TcpStream::connect(address.as_slice()).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        let read = stream.read_to_end(&mut response);
        timeout(TIMEOUT, read).await.expect("timed out").unwrap();
        String::from_utf8_lossy(&response).into_owned()
    }

    /// Sends a `POST` request without a body.
    pub async fn post(&self, path: &str) -> Response {
        self.send(self.request(Method::POST, path)).await
    }

    /// Sends a `PATCH` request.
    pub async fn patch(&self, path: &str, body: &Value) -> Response {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    /// Sends a `DELETE` request.
    pub async fn delete(&self, path: &str) -> Response {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Uploads a file as the page does.
    pub async fn upload(&self, path: &str, name: &str, content: &[u8]) -> Response {
        self.post_form(path, &[("file", Some(name), content)]).await
    }

    /// Posts a multipart form. Each field consists of a name, a file name if it is a file, and its content.
    pub async fn post_form(&self, path: &str, fields: &[(&str, Option<&str>, &[u8])]) -> Response {
        let mut form = Vec::new();
        for (name, file_name, content) in fields {
            let file_name =
                file_name.map_or_else(String::new, |name| format!("; filename=\"{name}\""));
            let disposition = format!("form-data; name=\"{name}\"{file_name}");
            let part_header = format!("--edge\r\nContent-Disposition: {disposition}\r\n\r\n");
            form.extend_from_slice(&[part_header.as_bytes(), content, b"\r\n"].concat());
        }
        form.extend_from_slice(b"--edge--\r\n");
        let request = self.request(Method::POST, path);
        self.send(request.header(CONTENT_TYPE, "multipart/form-data; boundary=edge").body(form))
            .await
    }

    /// Starts a conversation, which becomes the current one. Returns its id.
    pub async fn start_conversation(&self) -> String {
        let response = self.post("/start_conversation").await;
        assert_eq!(response.status, StatusCode::OK, "{response:?}");
        response.json()["conversation_id"].as_str().unwrap().to_owned()
    }

    /// Opens a WebSocket and reads the welcome event.
    pub async fn connect(&self) -> Socket {
        self.connect_at("/ws").await
    }

    /// Opens a WebSocket at this path and reads the welcome event.
    pub async fn connect_at(&self, path: &str) -> Socket {
        let mut socket = self.open_socket(path).await;
        socket.expect("response").await;
        socket
    }

    /// Opens a WebSocket with a small receive buffer and reads the welcome event. If the test then reads
    /// nothing, the server's writes soon block.
    pub async fn connect_with_small_buffer(&self) -> Socket {
        let url = self.url("/ws");
        let mut socket = upgrade_with_small_buffer(&url, self.headers()).await.unwrap();
        socket.expect("response").await;
        socket
    }

    /// Opens a WebSocket without reading the welcome event.
    pub async fn connect_without_welcome(&self) -> Socket {
        self.open_socket("/ws").await
    }

    async fn open_socket(&self, path: &str) -> Socket {
        let (socket, headers) = self.upgrade(path).await.unwrap();
        self.jar.set_cookies(&mut headers.get_all(SET_COOKIE).iter(), &self.base);
        socket
    }

    /// Opens a WebSocket without reading the welcome event. Returns `None` if the handshake fails.
    pub async fn try_connect(&self) -> Option<Socket> {
        let (socket, _) = self.upgrade("/ws").await.ok()?;
        Some(socket)
    }

    async fn upgrade(&self, path: &str) -> Result<(Socket, HeaderMap), Error> {
        let url = self.url(path);
        match self.address {
            Some(address) => upgrade_from(address, &url, self.headers()).await,
            None => upgrade(&url, self.headers()).await,
        }
    }

    /// The headers that a browser sends with every request to its page's host. A program sends its API key, too.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(cookies) = self.jar.cookies(&self.base) {
            headers.insert(COOKIE, cookies);
        }
        if let Some(key) = &self.key {
            headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {key}")).unwrap());
        }
        let origin = self.base.origin().ascii_serialization();
        headers.insert(ORIGIN, HeaderValue::from_str(&origin).unwrap());
        headers
    }

    /// The value of the browser's `Cookie` header.
    #[must_use]
    pub fn cookie(&self) -> String {
        let cookies = self.jar.cookies(&self.base).expect("cookies");
        cookies.to_str().unwrap().to_owned()
    }

    /// The server's base URL.
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.base
    }
}

impl Response {
    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The status and the error code.
    #[must_use]
    pub fn status_and_code(&self) -> (u16, String) {
        (self.status.as_u16(), self.json()["code"].as_str().unwrap_or("no code").to_owned())
    }

    /// The value of a header; empty if it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
