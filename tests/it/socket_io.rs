//! Socket.IO packet by packet: the cases of the protocols' own test suites, and what is ours.

use reqwest::Method;
use reqwest::header::{HeaderName, ORIGIN};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use webchat_tests::Transport::{self, Polling as OverPolling, WebSocket as OverWebSocket};
use webchat_tests::{
    Answer, Browser, Polling, Socket, SocketIo, TestServer, socket_io_path, text_of,
};

async fn polling_session(browser: &Browser) -> Polling {
    let (mut polling, _) = Polling::open(browser).await;
    assert_eq!(polling.post("40").await.text, "ok");
    assert!(polling.next().await.starts_with("40{"));
    assert!(polling.next().await.starts_with("42[\"response\""));
    polling
}

/// How a session ends whose client broke the protocol.
fn broken(transport: Transport) -> u16 {
    match transport {
        OverPolling => 0,
        OverWebSocket => 1002,
    }
}

async fn request(browser: &Browser, method: &str, query: &str) -> Answer {
    let method: Method = method.parse().unwrap();
    browser.send(browser.request(method, &format!("/socket.io/?{query}"))).await
}

fn status_of(refused: Result<Socket, Error>) -> u16 {
    match refused {
        Ok(_) => 101,
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("{other}"),
    }
}

#[rstest]
#[case(OverPolling, json!(["websocket"]))]
#[case(OverWebSocket, json!([]))]
#[tokio::test]
async fn a_session_opens(#[case] transport: Transport, #[case] upgrades: Value) {
    let server = TestServer::start().await;

    let mut client = SocketIo::open(&server.browser(), transport).await;
    client.send("40{\"token\":\"123\"}").await;
    let connected = client.next().await;

    assert_eq!(
        *client.handshake(),
        json!({
            "sid": client.sid(), "upgrades": upgrades,
            "pingInterval": 25_000, "pingTimeout": 20_000, "maxPayload": 1_000_000,
        })
    );
    let connected: Value = serde_json::from_str(connected.strip_prefix("40").unwrap()).unwrap();
    assert_eq!(connected.as_object().unwrap().len(), 1);
    assert_ne!(
        connected["sid"],
        *client.sid(),
        "the socket's id is told to others, so it is another"
    );
    let greeting = client.expect("response").await;
    assert_eq!(greeting["data"], "Connected to Webchat.");
}

const REFUSED: [(&str, &str, u64, &str); 14] = [
    ("GET", "EIO=4", 0, "Transport unknown"),
    ("GET", "EIO=4&transport=carrier-pigeon", 0, "Transport unknown"),
    ("GET", "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA", 1, "Session ID unknown"),
    ("GET", "EIO=4&transport=polling&sid=..%2Fetc", 1, "Session ID unknown"),
    ("POST", "EIO=4&transport=polling&sid=", 1, "Session ID unknown"),
    ("POST", "EIO=4&transport=polling", 2, "Bad handshake method"),
    ("PUT", "EIO=4&transport=polling", 2, "Bad handshake method"),
    ("DELETE", "EIO=4&transport=polling&sid={sid}", 3, "Bad request"),
    ("GET", "EIO=4&transport=websocket", 3, "Bad request"),
    ("GET", "EIO=4&transport=websocket&sid={sid}", 3, "Bad request"),
    ("GET", "EIO=4&transport=polling&transport=polling", 3, "Bad request"),
    ("GET", "transport=polling", 5, "Unsupported protocol version"),
    ("GET", "EIO=3&transport=polling", 5, "Unsupported protocol version"),
    ("GET", "EIO=abc&transport=polling", 5, "Unsupported protocol version"),
];

#[tokio::test]
async fn a_request_that_is_not_the_protocol_is_refused() {
    let server = TestServer::start().await;
    let browser = server.browser();
    browser.start_conversation().await;
    let (session, _) = Polling::open(&browser).await;

    for (method, query, code, message) in REFUSED {
        let refused = request(&browser, method, &query.replace("{sid}", session.sid())).await;
        assert_eq!(refused.refusal_number(), (400, code), "{method} {query}");
        assert_eq!(refused.json()["message"], message, "{method} {query}");
    }
    assert_eq!(session.post("40").await.text, "ok", "the session stays");
}

#[tokio::test]
async fn a_websocket_that_is_not_the_protocol_is_not_opened() {
    let server = TestServer::start().await;
    let browser = server.browser();

    for query in ["EIO=4", "transport=websocket", "EIO=4&transport=websocket&sid=x"] {
        let url = browser.base().join(&format!("/socket.io/?{query}")).unwrap();
        let refused = webchat_tests::upgrade(&url, browser.headers()).await;
        assert_eq!(status_of(refused.map(|(socket, _)| socket)), 400, "{query}");
    }
}

/// What may not be said when connected to the namespace.
const MALFORMED: [&str; 18] = [
    "abc",
    "2",
    "4",
    "4abc",
    "40",
    "44{\"message\":\"no\"}",
    "42",
    "42{}",
    "42[]",
    "42[7]",
    "42[\"ping\"",
    "42abc[\"ping\"]",
    "42/other,[\"ping\"]",
    "41/other,",
    "43[]",
    "45-[\"ping\"]",
    "4511-[\"ping\"]",
    "bAQIDBA==",
];

/// What may not be said before.
const TOO_EARLY: [&str; 5] = ["41", "42[\"ping\"]", "431[]", "40[]", "40abc"];

#[rstest]
#[tokio::test]
async fn what_is_malformed_ends_the_session(
    #[values(OverPolling, OverWebSocket)] transport: Transport,
) {
    let server = TestServer::start().await;
    let browser = server.browser();

    for packet in MALFORMED {
        let mut client = SocketIo::connect(&browser, transport).await;
        client.send_or_fail(packet).await;
        assert_eq!(client.ended().await, broken(transport), "{packet}");
    }
}

#[rstest]
#[tokio::test]
async fn whoever_says_anything_before_connecting_is_closed(
    #[values(OverPolling, OverWebSocket)] transport: Transport,
) {
    let server = TestServer::start().await;
    let browser = server.browser();

    for packet in TOO_EARLY {
        let mut client = SocketIo::open(&browser, transport).await;
        client.send_or_fail(packet).await;
        assert_eq!(client.ended().await, broken(transport), "{packet}");
    }
}

#[rstest]
#[tokio::test]
async fn another_namespace_is_refused_and_the_default_one_can_still_be_connected(
    #[values(OverPolling, OverWebSocket)] transport: Transport,
) {
    let server = TestServer::start().await;
    let mut client = SocketIo::open(&server.browser(), transport).await;

    client.send("40/admin,{\"token\":\"123\"}").await;
    assert_eq!(client.next().await, "44/admin,{\"message\":\"Invalid namespace\"}");
    client.send("40").await;

    assert!(client.next().await.starts_with("40{"));
}

#[rstest]
#[tokio::test]
async fn whoever_disconnects_from_the_namespace_may_connect_again(
    #[values(OverPolling, OverWebSocket)] transport: Transport,
) {
    let server = TestServer::start().await;
    let mut client = SocketIo::connect(&server.browser(), transport).await;

    client.send("41").await;
    client.send("40").await;

    assert!(client.next().await.starts_with("40{"));
    client.expect("response").await;
    client.emit("ping", json!({}), None).await;
    client.expect("pong").await;
}

#[tokio::test]
async fn many_packets_are_posted_and_polled_at_once_but_no_more_than_a_client_takes() {
    let server = TestServer::start().await;
    let polling = polling_session(&server.browser()).await;

    let posted = polling.post(&["42[\"ping\",{}]"; 40].join("\x1e")).await;
    let mut sizes = Vec::new();
    while sizes.iter().sum::<usize>() < 40 {
        let answer = polling.get().await;
        let packets: Vec<_> = answer.text.split('\x1e').collect();
        assert!(packets.iter().all(|packet| *packet == "42[\"pong\",{}]"), "{packets:?}");
        sizes.push(packets.len());
    }

    assert_eq!(posted.text, "ok");
    assert_eq!(posted.header("content-type"), "text/plain; charset=utf-8");
    assert!(sizes.iter().all(|size| *size <= 16), "{sizes:?}");
    assert!(sizes.iter().any(|size| *size > 1), "{sizes:?}");
}

#[tokio::test]
async fn two_polls_at_a_time_end_the_session() {
    let server = TestServer::start().await;
    let polling = polling_session(&server.browser()).await;

    let (one, other) = tokio::join!(polling.get(), polling.get());

    let (ended, refused) = if one.status == 200 { (one, other) } else { (other, one) };
    assert_eq!((ended.status.as_u16(), ended.text.as_str()), (200, "1"));
    assert_eq!(refused.refusal_number(), (400, 3));
    assert_eq!(polling.get().await.refusal_number(), (400, 1));
}

#[tokio::test]
async fn two_posts_at_a_time_end_the_session() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let polling = polling_session(&browser).await;
    let mut stream =
        TcpStream::connect(browser.base().socket_addrs(|| None).unwrap()[0]).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\nContent-Length: 2\r\n\r\n3",
        socket_io_path("polling", Some(polling.sid())),
        browser.cookie(),
    );
    stream.write_all(head.as_bytes()).await.unwrap();

    // The one that is not whole yet may arrive later than others.
    let refused = loop {
        let answer = polling.post("3").await;
        if answer.status != 200 {
            break answer;
        }
    };

    assert_eq!(refused.refusal_number(), (400, 3));
    assert_eq!(polling.get().await.refusal_number(), (400, 1));
}

#[tokio::test]
async fn a_client_that_closes_is_let_go() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let polling = polling_session(&browser).await;
    let mut websocket = SocketIo::connect(&browser, OverWebSocket).await;

    let (poll, close) = tokio::join!(polling.get(), polling.post("1"));
    websocket.send("1").await;

    // The close may be there first: then the poll finds nobody.
    assert!(poll.text == "6" || poll.refusal_number() == (400, 1), "{poll:?}");
    assert_eq!(close.text, "ok");
    assert_eq!(polling.get().await.refusal_number(), (400, 1));
    assert_eq!(websocket.ended().await, 1000);
}

#[tokio::test]
async fn a_session_is_its_browsers_alone() {
    let server = TestServer::start().await;
    let (browser, other) = (server.browser(), server.browser());
    other.start_conversation().await;
    let polling = polling_session(&browser).await;

    for somebody_else in [other, server.browser()] {
        let theirs = polling.by(&somebody_else);
        assert_eq!(theirs.get().await.refusal_number(), (400, 1));
        assert_eq!(theirs.post("1").await.refusal_number(), (400, 1));
        assert_eq!(status_of(theirs.open_websocket().await), 400);
    }

    assert_eq!(polling.post("42[\"ping\",{}]").await.text, "ok");
    assert_eq!(polling.get().await.text, "42[\"pong\",{}]");
}

#[tokio::test]
async fn what_is_too_large_ends_the_session() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let polling = polling_session(&browser).await;
    let mut websocket = SocketIo::connect(&browser, OverWebSocket).await;
    let fits = format!("42[\"ping\",\"{}\"]", "x".repeat(999_987));
    let too_large = format!("{fits} ");

    assert_eq!(polling.post(&fits).await.text, "ok");
    assert_eq!(polling.get().await.text, "42[\"pong\",{}]");
    let refused = polling.post(&too_large).await;
    websocket.send(&fits).await;
    websocket.expect("pong").await;
    websocket.send_or_fail(&too_large).await;

    assert_eq!(refused.refusal(), (413, "payload_too_large".to_owned()));
    assert_eq!(polling.get().await.refusal_number(), (400, 1));
    assert_eq!(websocket.ended().await, 1009);
}

#[rstest]
#[tokio::test]
async fn a_turn_is_told_as_on_the_websocket(
    #[values(OverPolling, OverWebSocket)] transport: Transport,
) {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let mut beside = browser.connect().await;
    beside.say("subscribe", json!({"conversation_id": id})).await;
    beside.expect("subscribed").await;
    let mut client = SocketIo::connect(&browser, transport).await;

    client.emit("send_message", json!({"message": "Why two tides a day?"}), Some(7)).await;
    let (events, mut others) = client.until("token_usage").await;
    if others.is_empty() {
        // A short turn may be over before its beginning is acknowledged.
        others.push(client.next().await);
    }

    assert_eq!(text_of(&events), "You said: Why two tides a day?");
    assert_eq!(others, ["437[]"], "as of a handler that returns nothing");
    let ends_of = |events: &[(String, Value)]| -> Vec<(String, Value)> {
        events.iter().filter(|(name, _)| name != "response_chunk").cloned().collect()
    };
    assert_eq!(ends_of(&events), ends_of(&beside.until("token_usage").await));
}

#[rstest]
#[case("send_message", json!({"message": " "}), "empty_message")]
#[case("send_message", json!("hello"), "invalid_request")]
#[case("send_message", json!({"message": "x", "conversation_id": "{strangers}"}), "conversation_not_found")]
#[case("subscribe", json!({"conversation_id": "{strangers}"}), "conversation_not_found")]
#[case("stop", json!({"conversation_id": "{strangers}"}), "conversation_not_found")]
#[case("dance", json!({}), "unknown_event")]
#[tokio::test]
async fn what_cannot_be_done_is_an_error_and_the_acknowledgement_says_so(
    #[case] event: &str,
    #[case] data: Value,
    #[case] code: &str,
) {
    let server = TestServer::start().await;
    let browser = server.browser();
    browser.start_conversation().await;
    let strangers = server.browser().start_conversation().await;
    let data = data.to_string().replace("{strangers}", &strangers);
    let mut client = SocketIo::connect(&browser, OverWebSocket).await;

    client.emit(event, serde_json::from_str(&data).unwrap(), Some(0)).await;
    let (error, acknowledgement) = (client.next().await, client.next().await);

    let told: Value = serde_json::from_str(error.strip_prefix("42").unwrap()).unwrap();
    let answered: Value =
        serde_json::from_str(acknowledgement.strip_prefix("430").unwrap()).unwrap();
    assert_eq!(told[0], "error");
    assert_eq!((&told[1]["code"], &told[1]["event"]), (&json!(code), &json!(event)));
    assert_eq!(answered, json!([told[1]]));
    client.emit("ping", json!({}), None).await;
    client.expect("pong").await;
}

#[tokio::test]
async fn binary_data_is_refused_and_the_session_stays() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let header = "451-3[\"send_message\",{\"_placeholder\":true,\"num\":0}]";
    let polling = polling_session(&browser).await;
    let url = browser.base().join(&socket_io_path("websocket", None)).unwrap();
    let (mut websocket, _) = webchat_tests::upgrade(&url, browser.headers()).await.unwrap();
    websocket.send_text("40").await;
    for _ in 0..3 {
        websocket.next_frame().await;
    }

    assert_eq!(polling.post(&format!("{header}\x1ebAQIDBA==")).await.text, "ok");
    websocket.send_text(header).await;
    websocket.send(Message::binary(vec![1, 2, 3, 4])).await;

    let mut polled = polling.clone();
    for packets in [
        [polled.next().await, polled.next().await],
        [websocket.next_frame().await, websocket.next_frame().await],
    ] {
        let [error, acknowledgement] = packets;
        assert!(error.starts_with("42[\"error\","), "{error}");
        assert!(acknowledgement.starts_with("433[{"), "{acknowledgement}");
        assert!(acknowledgement.contains("\"code\":\"invalid_request\""), "{acknowledgement}");
    }
    assert_eq!(polling.post("42[\"ping\",{}]").await.text, "ok");
    assert_eq!(polled.next().await, "42[\"pong\",{}]");
    websocket.send_text("42[\"ping\",{}]").await;
    assert_eq!(websocket.next_frame().await, "42[\"pong\",{}]");
}

#[tokio::test]
async fn an_answer_goes_on_over_the_websocket_after_the_upgrade_and_loses_nothing() {
    let server = TestServer::start().await;
    let browser = server.browser();
    browser.start_conversation().await;
    let polling = polling_session(&browser).await;
    let answer = server.model.next_answer();
    polling.post("42[\"send_message\",{\"message\":\"count\"}]").await;
    answer.say("one ");
    let mut told = String::new();
    while !told.contains("one ") {
        told += &polling.get().await.text;
    }

    let mut socket = polling.open_websocket().await.unwrap();
    socket.send_text("2probe").await;
    assert_eq!(socket.next_frame().await, "3probe");
    answer.say("two ");
    // The client lets its last polls end: there is nothing more to tell when one says so.
    let mut last = polling.get().await.text;
    while last != "6" {
        told += &last;
        last = polling.get().await.text;
    }
    socket.send_text("5").await;
    answer.say("three");
    answer.end();
    while !told.contains("token_usage") {
        told += &socket.next_frame().await;
    }

    let (one, two, three) = (told.find("one "), told.find("two "), told.find("three"));
    assert!(one < two && two < three && one.is_some(), "{told}");
    assert_eq!(polling.get().await.refusal_number(), (400, 3), "it polls no more");
    assert_eq!(polling.post("3").await.refusal_number(), (400, 3));
    assert_eq!(status_of(polling.open_websocket().await), 400, "it has one already");
    socket.send_text("42[\"ping\",{}]").await;
    // The turn has moved its conversation in the list.
    while socket.next_frame().await != "42[\"pong\",{}]" {}
}

#[tokio::test]
async fn a_poll_that_waits_ends_when_its_client_upgrades() {
    let server = TestServer::start().await;
    let polling = polling_session(&server.browser()).await;
    let mut socket = polling.open_websocket().await.unwrap();

    let upgrading = async {
        socket.send_text("2probe").await;
        assert_eq!(socket.next_frame().await, "3probe");
    };
    let (poll, ()) = tokio::join!(polling.get(), upgrading);

    assert_eq!(poll.text, "6");
}

#[rstest]
#[case("4hello")]
#[case("2")]
#[case("5")]
#[tokio::test]
async fn a_websocket_that_does_not_begin_with_a_probe_is_closed_and_polling_goes_on(
    #[case] packet: &str,
) {
    let server = TestServer::start().await;
    let mut polling = polling_session(&server.browser()).await;
    let mut failing = polling.open_websocket().await.unwrap();
    assert_eq!(status_of(polling.open_websocket().await), 400, "one at a time");

    failing.send_text(packet).await;
    assert_eq!(failing.closed().await.map(u16::from), Some(1002));
    polling.post("42[\"ping\",{}]").await;
    assert_eq!(polling.next().await, "42[\"pong\",{}]");

    let mut again = polling.open_websocket().await.unwrap();
    again.send_text("2probe").await;
    assert_eq!(again.next_frame().await, "3probe");
}

/// A client that polls no more, and the whole answer that it has not fetched.
async fn client_left_behind(server: &TestServer, browser: &Browser) -> (Polling, String) {
    let id = browser.start_conversation().await;
    let mut beside = browser.connect().await;
    let mut polling = polling_session(browser).await;
    let answer = server.model.next_answer();
    polling.post(&format!("42{}", json!(["subscribe", {"conversation_id": id}]))).await;
    assert!(polling.next().await.starts_with("42[\"subscribed\""));

    beside.say("send_message", json!({"conversation_id": id, "message": "flood"})).await;
    let said: Vec<_> = (0..200).map(|number| format!("{number} {}", "tide ".repeat(80))).collect();
    for part in &said {
        answer.say(part);
        // One by one: what comes at once is put together anyway.
        beside.until("response_chunk").await;
    }
    answer.end();
    beside.until("token_usage").await;
    (polling, said.concat())
}

/// What is told until the turn's last event: the answer, and in how many packets.
async fn rest_of_turn(polling: &mut Polling) -> (String, usize) {
    let (mut told, mut packets) = (String::new(), 0);
    loop {
        let packet = polling.next().await;
        packets += 1;
        let arguments: Value = serde_json::from_str(packet.strip_prefix("42").unwrap()).unwrap();
        told += arguments[1]["chunk"].as_str().unwrap_or_default();
        if arguments[0] == "token_usage" {
            return (told, packets);
        }
    }
}

#[tokio::test]
async fn a_client_that_stops_polling_does_not_slow_the_turn_and_gets_it_all_later() {
    let server = TestServer::start().await;
    let (mut polling, said) = client_left_behind(&server, &server.browser()).await;

    let (told, packets) = rest_of_turn(&mut polling).await;

    assert_eq!(told, said);
    assert!(packets < 200, "what it did not fetch in time was put together: {packets} packets");
}

#[tokio::test]
async fn a_server_that_goes_away_tells_what_it_has_to_and_lets_its_clients_come_again() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let (mut polling, said) = client_left_behind(&server, &browser).await;
    let mut websocket = SocketIo::connect(&browser, OverWebSocket).await;

    let polled = async {
        let code = websocket.ended().await;
        let (told, _) = rest_of_turn(&mut polling).await;
        (code, told, polling.next().await)
    };
    let ((), (code, told, last)) = tokio::join!(server.shutdown(), polled);

    assert_eq!(code, 1012);
    assert_eq!(told, said);
    assert_eq!(last, "1");
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_read_the_answers_and_no_other() {
    let server = TestServer::with(&[("ALLOWED_ORIGINS", "https://chat.example")]).await;
    let browser = server.browser();
    let (polling, _) = Polling::open(&browser).await;
    let path = socket_io_path("polling", Some(polling.sid()));
    let ask = |method: Method, path: &str, origin: &str| {
        let asked_for = HeaderName::from_static("access-control-request-method");
        let headers = HeaderName::from_static("access-control-request-headers");
        let request = browser.request(method.clone(), path).header(ORIGIN, origin);
        let is_preflight = method == Method::OPTIONS;
        let request = if is_preflight { request.header(asked_for, "POST") } else { request };
        browser.send(request.header(headers, "x-one").body("40"))
    };

    for (method, path, status) in [
        (Method::OPTIONS, path.as_str(), 204),
        (Method::POST, path.as_str(), 200),
        (Method::GET, path.as_str(), 200),
        (Method::GET, "/socket.io/?EIO=4&transport=polling&sid=x", 400),
        (Method::OPTIONS, "/start_conversation", 204),
        (Method::POST, "/start_conversation", 200),
    ] {
        let answer = ask(method.clone(), path, "https://chat.example").await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), "https://chat.example");
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        assert_eq!(answer.header("vary"), "origin");
        if method == Method::OPTIONS {
            assert!(answer.header("access-control-allow-methods").contains("POST"));
            assert_eq!(answer.header("access-control-allow-headers"), "x-one");
        }
        let hostile = ask(method, path, "https://evil.example").await;
        assert!(!hostile.headers.contains_key("access-control-allow-origin"), "{hostile:?}");
        assert!(hostile.status.is_client_error(), "{hostile:?}");
    }
}
