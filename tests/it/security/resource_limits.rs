//! The resources that a client can use. Since a new user costs an attacker nothing, many limits are per address.

use std::fs;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Body, Method};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use webchat_tests::{Process, ScriptedModel, SocketIo, TIMEOUT, TestServer, Transport};

const MIB: usize = 1024 * 1024;

/// Creates a body that stalls after its beginning.
fn stalled_body(beginning: Vec<u8>) -> Body {
    let beginning = stream::once(async { Ok::<_, std::io::Error>(beginning) });
    Body::wrap_stream(beginning.chain(stream::pending()))
}

#[tokio::test]
async fn unfinished_import_uploads_do_not_block_imports_of_other_users() {
    let server = TestServer::start().await;
    let uploads = join_all((0..8).map(async |_| {
        let browser = server.browser();
        let request = browser.request(Method::POST, "/api/v1/imports");
        let request = request.header(CONTENT_TYPE, "application/json");
        drop(request.body(stalled_body(b"[".to_vec())).send().await);
    }));
    let by_other_user = async {
        sleep(Duration::from_millis(500)).await;
        server.browser().import("[]").await
    };

    let imported = tokio::select! {
        _ = uploads => panic!("an unfinished upload has ended"),
        imported = by_other_user => imported,
    };

    assert_eq!(imported["status"], json!("complete"));
}

/// Measures the growth of a process's resident memory to its peak.
struct MemoryPeak {
    status: String,
    before: usize,
}

impl MemoryPeak {
    fn start(process: &Process) -> Self {
        let dir = format!("/proc/{}", process.id());
        // Reset the peak.
        fs::write(format!("{dir}/clear_refs"), "5").unwrap();
        let status = format!("{dir}/status");
        Self { before: Self::read(&status), status }
    }

    fn growth_mib(&self) -> usize {
        Self::read(&self.status).saturating_sub(self.before) / MIB
    }

    fn read(status: &str) -> usize {
        let status = fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
    }
}

#[tokio::test]
async fn fifty_unfinished_uploads_use_bounded_memory() {
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let server = Process::start(dir.path(), &[("AZURE_API_URL", model.url())]).await;
    let mut form = b"--edge\r\nContent-Disposition: form-data; name=\"file\"; \
        filename=\"a.txt\"\r\n\r\n"
        .to_vec();
    form.resize(5 * MIB - 1024, b'a');
    let memory = MemoryPeak::start(&server);
    let uploads = join_all((0..50).map(async |_| {
        let browser = server.browser();
        let id = browser.start_conversation().await;
        let path = format!("/api/v1/conversations/{id}/files");
        let request = browser.request(Method::POST, &path);
        let request = request.header(CONTENT_TYPE, "multipart/form-data; boundary=edge");
        drop(request.body(stalled_body(form.clone())).send().await);
        std::future::pending::<()>().await;
    }));

    drop(timeout(Duration::from_secs(8), uploads).await);

    let growth = memory.growth_mib();
    assert!(growth < 220, "{growth} MiB");
}

#[tokio::test]
async fn a_request_whose_body_stalls_is_rejected_and_its_connection_is_closed() {
    let server = TestServer::start().await;
    let address = server.browser().base().socket_addrs(|| None).unwrap()[0];
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST /api/v1/conversations/0190a000-0000-7000-8000-000000000000/messages HTTP/1.1\r\nHost: localhost\r\n\
        Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();

    let mut response = Vec::new();
    let read = timeout(Duration::from_secs(30), stream.read_to_end(&mut response)).await;

    read.expect("the connection is still open").unwrap();
    let response = String::from_utf8(response).unwrap();
    assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
    assert!(response.contains("\"code\":\"request_timeout\""), "{response}");
}

#[tokio::test]
async fn a_page_of_large_messages_is_shortened_and_has_a_cursor() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let message = json!({"role": "user", "content": "x".repeat(1_000_000)});
    let imported = browser.import(json!(vec![message; 6]).to_string()).await;
    assert_eq!(imported["status"], json!("complete"));
    let list = browser.get("/api/v1/conversations").await.json();
    let id = list["conversations"][0]["conversation_id"].as_str().unwrap();

    let (mut positions, mut before) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/conversations/{id}/messages?limit=200{before}");
        let page = browser.get(&path).await;
        assert!(page.text.len() < 5 * MIB / 2, "{} bytes", page.text.len());
        let page = page.json();
        let messages = page["messages"].as_array().unwrap();
        positions
            .extend(messages.iter().rev().map(|message| message["position"].as_u64().unwrap()));
        let Some(next) = page["next_before"].as_u64() else { break };
        before = format!("&before={next}");
    }

    assert_eq!(positions, [6, 5, 4, 3, 2, 1]);
    let loaded = browser.get(&format!("/load_conversation/{id}")).await.json();
    assert_eq!(loaded["conversation"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn unread_responses_use_bounded_memory() {
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let server = Process::start(dir.path(), &[("AZURE_API_URL", model.url())]).await;
    let browser = server.browser();
    let message = json!({"role": "user", "content": "x".repeat(MIB)});
    browser.import(json!(vec![message; 20]).to_string()).await;
    let list = browser.get("/api/v1/conversations").await.json();
    let id = list["conversations"][0]["conversation_id"].as_str().unwrap();
    let saved = browser.post(&format!("/api/v1/conversations/{id}/save")).await.json();
    let file_name = saved["file_name"].as_str().unwrap();
    let memory = MemoryPeak::start(&server);

    let mut unread = Vec::new();
    for _ in 0..10 {
        for path in [
            format!("/load_conversation/{id}"),
            format!("/saved_conversations/{file_name}"),
            format!("/api/v1/conversations/{id}/export?format=markdown"),
        ] {
            let response = browser.request(Method::GET, &path).send().await.unwrap();
            assert_eq!(response.status(), 200, "{path}");
            unread.push(response);
        }
    }
    sleep(Duration::from_secs(1)).await;

    let growth = memory.growth_mib();
    assert!(growth < 80, "{growth} MiB");
    let complete = unread.swap_remove(1).bytes().await.unwrap();
    assert!(complete.len() > 20 * MIB, "{} bytes", complete.len());
}

#[tokio::test]
async fn unread_message_pages_use_bounded_memory() {
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let server = Process::start(dir.path(), &[("AZURE_API_URL", model.url())]).await;
    let browser = server.browser();
    // Each of these characters takes up six bytes in JSON.
    let message = json!({"role": "user", "content": "\u{1}".repeat(4 * MIB)});
    browser.import(json!([message]).to_string()).await;
    let list = browser.get("/api/v1/conversations").await.json();
    let id = list["conversations"][0]["conversation_id"].as_str().unwrap();
    let path = format!("/api/v1/conversations/{id}/messages");
    let memory = MemoryPeak::start(&server);

    let mut unread = Vec::new();
    for _ in 0..20 {
        unread.push(browser.request(Method::GET, &path).send().await.unwrap());
    }

    let growth = memory.growth_mib();
    let is_rejected = |response: &reqwest::Response| response.status() == 503;
    assert!(growth < 200, "{growth} MiB");
    assert_eq!(unread.iter().filter(|response| is_rejected(response)).count(), 18);
    let rejected = unread.pop().unwrap().json::<Value>().await.unwrap();
    assert_eq!(rejected["code"], json!("server_busy"));
    let read = unread.swap_remove(0).bytes().await.unwrap();
    assert!(read.len() > 24 * MIB, "{} bytes", read.len());
    let next = browser.get(&path).await;
    assert_eq!(next.status, 200, "the memory was not released");
}

#[tokio::test]
async fn unfinished_websocket_messages_use_bounded_memory() {
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let server = Process::start(dir.path(), &[("AZURE_API_URL", model.url())]).await;
    let fragment = |opcode| Message::Frame(Frame::message(vec![b'a'; MIB - 1], opcode, false));
    let memory = MemoryPeak::start(&server);

    let mut sockets = Vec::new();
    for _ in 0..100 {
        let mut socket = server.browser().connect().await;
        socket.send_ignoring_errors(fragment(OpCode::Data(Data::Text))).await;
        for _ in 1..4 {
            socket.send_ignoring_errors(fragment(OpCode::Data(Data::Continue))).await;
        }
        sockets.push(socket);
    }

    let growth = memory.growth_mib();
    assert!(growth < 200, "{growth} MiB");
    let (_, code) = sockets.pop().unwrap().receive_all().await;
    assert_eq!(code, Some(1013));
}

#[tokio::test]
async fn incomplete_socket_io_packets_use_bounded_memory() {
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let server = Process::start(dir.path(), &[("AZURE_API_URL", model.url())]).await;
    let memory = MemoryPeak::start(&server);

    let mut clients = Vec::new();
    for _ in 0..150 {
        let mut client = SocketIo::connect(&server.browser(), Transport::Polling).await;
        let padding = "a".repeat(900_000);
        // While the memory of the address is used up, packets are refused.
        let packet = format!("452-[\"{padding}\",{{\"_placeholder\":true,\"num\":0}}]");
        client.send_ignoring_errors(&packet).await;
        client.send_ignoring_errors(&format!("b{}", "A".repeat(900_000))).await;
        clients.push(client);
    }

    let growth = memory.growth_mib();
    assert!(growth < 130, "{growth} MiB");
    clients.pop().unwrap().wait_until_closed().await;
    clients.swap_remove(0).send("bAAAA").await;
}

#[tokio::test]
async fn all_users_of_an_address_share_its_turn_limit() {
    // The answers last until all questions have been sent.
    let model = ScriptedModel::with_delay(Duration::from_secs(2));
    let server = TestServer::with_model(model, &[("TURNS_PER_ADDRESS", "5")]).await;
    let ask = async |_| {
        let browser = server.browser();
        let id = browser.start_conversation().await;
        let path = format!("/api/v1/conversations/{id}/messages");
        let request = browser.request(Method::POST, &path).json(&json!({"message": "talk"}));
        let response = request.header(ACCEPT, "text/event-stream").send().await.unwrap();
        (response.status().as_u16(), response)
    };

    let responses = join_all((0..30).map(ask)).await;

    let accepted = responses.iter().filter(|(status, _)| *status == 200).count();
    let mut rejected = responses.into_iter().filter(|(status, _)| *status == 429);
    let (_, rejected_response) = rejected.next().unwrap();
    assert_eq!((accepted, rejected.count()), (5, 24));
    let body: Value = rejected_response.json().await.unwrap();
    assert_eq!(body["code"], json!("too_many_turns_from_address"));
}

#[tokio::test]
async fn an_address_can_create_a_limited_number_of_users_per_minute() {
    let limit = ("NEW_USERS_PER_MINUTE_PER_ADDRESS", "3");
    let server = TestServer::with_settings(&[limit]).await;
    let first = server.browser();
    first.start_conversation().await;
    for _ in 0..2 {
        server.browser().start_conversation().await;
    }

    let rejected = server.browser().post("/start_conversation").await;

    assert_eq!(rejected.status_and_code(), (429, "too_many_new_users".to_owned()));
    let wait: u64 = rejected.header("retry-after").parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    first.start_conversation().await;
    assert_eq!(
        server.browser().get("/").await.status,
        200,
        "reading the page counts as a new user"
    );
}

#[tokio::test]
async fn all_users_of_an_address_share_its_request_limit() {
    let server = TestServer::with_settings(&[("REQUESTS_PER_SECOND_PER_ADDRESS", "1")]).await;
    let get = async |_| server.browser().get("/api/v1/config").await.status.as_u16();

    let statuses = join_all((0..20).map(get)).await;

    assert!(statuses.contains(&200) && statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn users_who_only_read_are_not_stored() {
    let server = TestServer::start().await;
    let sessions = || {
        let database = server.dir.path().join("data/webchat.db");
        let database = rusqlite::Connection::open(database).unwrap();
        let count = database.query_row("SELECT count(*) FROM sessions", [], |row| row.get(0));
        count.unwrap_or(0_u64)
    };

    for _ in 0..100 {
        let reader = server.browser();
        reader.get("/").await;
        reader.get("/api/v1/conversations").await;
        server.browser().get("/healthz").await;
    }
    let (reader, _socket) = server.socket().await;
    let after_reads = sessions();
    reader.start_conversation().await;

    assert_eq!((after_reads, sessions()), (0, 1));
}

#[tokio::test]
async fn concurrent_first_requests_of_a_page_belong_to_one_user() {
    let server = TestServer::start().await;
    let browser = server.browser();
    browser.get("/").await;
    let mut socket = browser.connect().await;

    let ids = join_all((0..10).map(async |_| browser.start_conversation().await)).await;

    let listed = browser.get("/list_conversations").await.json();
    assert_eq!(listed["conversations"].as_array().unwrap().len(), 10);
    for id in ids {
        socket.send("subscribe", json!({"conversation_id": id})).await;
        socket.receive_until("subscribed").await;
    }
}

#[tokio::test]
async fn event_streams_count_as_connections() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let path = format!("/api/v1/conversations/{id}/events");
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(browser.request(Method::GET, &path).send().await.unwrap());
    }

    let rejected = browser.get(&path).await;
    let accepted = streams.iter().all(|stream| stream.status() == 200);
    drop(streams);
    let reconnect = async {
        while browser.request(Method::GET, &path).send().await.unwrap().status() != 200 {
            sleep(Duration::from_millis(50)).await;
        }
    };

    assert!(accepted);
    assert_eq!(rejected.status_and_code(), (429, "connection_limit".to_owned()));
    timeout(TIMEOUT, reconnect).await.expect("the permits were not released");
}

#[tokio::test]
async fn connections_are_limited_per_address_and_in_total() {
    for limit in ["CONNECTIONS_PER_ADDRESS", "MAX_CONNECTIONS"] {
        let server = TestServer::with_settings(&[(limit, "3")]).await;
        let sockets = [server.socket().await, server.socket().await, server.socket().await];

        let rejected = server.browser().try_connect().await;

        assert!(rejected.is_none(), "{limit}");
        drop(sockets);
    }
}
