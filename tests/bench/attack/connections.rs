//! Attacks with connections: unfinished bodies, unread responses, and frames.

use std::io;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use webchat_tests::{Socket, socket_io_path};

use super::attacker::Attacker;

/// How long an attack keeps its connections open.
const HOLD_TIME: Duration = Duration::from_secs(20);

/// The number of concurrent bodies of each kind.
const SLOW_BODIES: usize = 8;
const UNREAD_RESPONSES: usize = 5;
const SOCKETS: usize = 25;
const STREAMS: usize = 25;

const KB: usize = 1_000;

pub(super) async fn unread(client: Attacker) {
    let path = client.path("/messages?limit=200");
    let responses = (0..UNREAD_RESPONSES).map(async |_| {
        if let Ok(mut stream) = client.open(request(&client, "GET", &path, "").as_bytes()).await {
            client.count_response(&mut stream).await;
            sleep(HOLD_TIME).await;
        }
    });
    join_all(responses).await;
}

/// Sends unfinished bodies of messages, imports and uploads.
pub(super) async fn slow_bodies(client: Attacker) {
    let json = "Content-Type: application/json\r\n";
    let form = "Content-Type: multipart/form-data; boundary=edge\r\n";
    let file =
        "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n";
    let kinds = [
        (client.path("/messages"), json, "{\"message\": \"".to_owned(), 60 * KB),
        ("/api/v1/imports".to_owned(), "", "[".to_owned(), 60 * KB),
        (client.path("/files"), form, format!("{file}{}", "a ".repeat(2_000 * KB)), 4_500 * KB),
    ];
    let bodies = kinds.iter().cycle().take(kinds.len() * SLOW_BODIES);
    join_all(bodies.map(async |(path, headers, beginning, length)| {
        let headers = format!("{headers}Content-Length: {length}\r\n");
        let head = request(&client, "POST", path, &headers);
        trickle(&client, format!("{head}{beginning}")).await.ok();
    }))
    .await;
}

/// Sends these bytes, and then one byte every two seconds until the server responds.
async fn trickle(client: &Attacker, beginning: String) -> io::Result<()> {
    let (mut reader, mut writer) = client.open(beginning.as_bytes()).await?.into_split();
    let send_bytes = async {
        while writer.write_all(b"a").await.is_ok() {
            sleep(Duration::from_secs(2)).await;
        }
    };
    tokio::select! {
        () = send_bytes => client.count("closed"),
        () = client.count_response(&mut reader) => {}
    }
    Ok(())
}

/// Opens as many live connections as the server permits, and keeps them open.
pub(super) async fn live(client: Attacker) {
    client.sign_in().await;
    let events = request(&client, "GET", &client.path("/events"), "");
    let (mut sockets, mut streams): (Vec<Socket>, Vec<TcpStream>) = Default::default();
    for _ in 0..SOCKETS {
        let socket = timeout(HOLD_TIME, client.user.try_connect()).await.ok().flatten();
        client.count(if socket.is_some() { "101" } else { "no WebSocket" });
        sockets.extend(socket);
    }
    for _ in 0..STREAMS {
        let Ok(mut stream) = client.open(events.as_bytes()).await else { continue };
        client.count_response(&mut stream).await;
        streams.push(stream);
        // Each polling session is of a new user.
        let poll = client.user.new_user();
        client.send(poll.request(Method::GET, &socket_io_path("polling", None))).await;
    }
    sleep(HOLD_TIME).await;
}

/// Sends unsolicited pongs, frames of the maximum size, and a frame that is too large.
pub(super) async fn frames(client: Attacker) {
    client.sign_in().await;
    let Ok(Some(mut socket)) = timeout(HOLD_TIME, client.user.try_connect()).await else {
        client.count("no WebSocket");
        return;
    };
    client.count("101");
    let event = format!("{{\"event\": \"{}\", \"data\": {{}}}}", "x".repeat(1_000 * KB));
    let nested = "[".repeat(1_000 * KB);
    let pongs = (0..500).map(|_| Message::Pong("".into()));
    let large = [event.clone(), nested, event, "x".repeat(2_000 * KB)];
    let messages = pongs.chain(large.into_iter().map(Message::text));
    let send_messages = async {
        for message in messages {
            socket.send_ignoring_errors(message).await;
        }
        socket.receive_all().await.1
    };
    let code = timeout(HOLD_TIME, send_messages).await.ok().flatten();
    client.count(code.map_or("closed".to_owned(), |code| format!("closed with {code}")));
}

/// Sends requests that no browser would send. Not each of them may add a line to the log.
pub(super) async fn malformed(client: Attacker) {
    let head = |line: &str, headers: &str| format!("{line} HTTP/1.1\r\n{headers}\r\n");
    let requests = [
        "\x01\x02\x03\r\n\r\n".to_owned(),
        head("GET /", ""),
        head("GET /", "Host: evil.example\r\n"),
        head("POST /api/v1/conversations", "Host: localhost\r\nOrigin: http://evil.example\r\n"),
        head("GET /api/v1/conversations", "Host: localhost\r\nCookie: webchat_session=x\r\n"),
        head("GET /no/such/page", "Host: localhost\r\n"),
        head("POST /api/v1/conversations", "Host: localhost\r\nContent-Length: -1\r\n"),
    ];
    for request in requests {
        let Ok(mut stream) = client.open(request.as_bytes()).await else { continue };
        timeout(HOLD_TIME, client.count_response(&mut stream)).await.ok();
    }
}

/// The request line and headers of a request by the conversation's owner.
fn request(client: &Attacker, method: &str, path: &str, headers: &str) -> String {
    let cookie = client.browser.cookie();
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n{headers}\r\n")
}
