//! The WebSocket frame by frame (RFC 6455), tested with a client that can send invalid frames. The cases follow
//! groups 1 to 7, 9 and 10 of the Autobahn test suite. Since the server does not echo messages, the tests send `ping`
//! events and expect `pong` events.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use webchat_tests::{TIMEOUT, TestServer};

const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

const KIB: usize = 1024;

/// A client that sends arbitrary bytes.
struct RawClient {
    stream: TcpStream,
}

/// A frame or event from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Received {
    /// The name of an event.
    Event(String),
    Pong(Vec<u8>),
    /// The code of a close frame; 0 if it has none.
    Close(u16),
}

impl RawClient {
    /// Opens a WebSocket and reads the welcome event.
    async fn open(server: &TestServer) -> Self {
        let address = server.browser().base().socket_addrs(|| None).unwrap().remove(0);
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let request = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101"), "{head}");
        assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
        let mut client = Self { stream };
        assert_eq!(client.receive().await, Some(Received::Event("response".to_owned())));
        client
    }

    /// Sends bytes. Ignores errors, because the server may close the connection before it has read all bytes.
    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.ok();
    }

    /// Sends bytes in chunks of this size.
    async fn send_in_chunks(&mut self, bytes: &[u8], size: usize) {
        for chunk in bytes.chunks(size) {
            self.send(chunk).await;
            tokio::task::yield_now().await;
        }
    }

    /// Receives the next frame other than a ping. Returns `None` at the end of the connection.
    async fn receive(&mut self) -> Option<Received> {
        timeout(TIMEOUT, self.next_received())
            .await
            .unwrap_or_else(|_| panic!("timed out waiting for a frame"))
    }

    async fn next_received(&mut self) -> Option<Received> {
        loop {
            let (first_byte, payload) = self.read_frame().await?;
            match first_byte {
                0x81 => return Some(Received::Event(event_name(&payload))),
                0x8a => return Some(Received::Pong(payload)),
                0x88 => return Some(Received::Close(close_code(&payload))),
                0x89 => {}
                _ => panic!("unexpected frame: {first_byte:x}"),
            }
        }
    }

    /// Reads a frame. Returns its first byte and its payload.
    async fn read_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let first_byte = self.stream.read_u8().await.ok()?;
        let length = match self.stream.read_u8().await.ok()? {
            0x7e => usize::from(self.stream.read_u16().await.ok()?),
            0x7f => usize::try_from(self.stream.read_u64().await.ok()?).unwrap(),
            length => usize::from(length),
        };
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).await.ok()?;
        Some((first_byte, payload))
    }

    /// Receives all frames until the connection ends.
    async fn receive_all(&mut self) -> Vec<Received> {
        let mut received = Vec::new();
        while let Some(next) = self.receive().await {
            received.push(next);
        }
        received
    }
}

fn event_name(payload: &[u8]) -> String {
    let frame: Value = serde_json::from_slice(payload).unwrap();
    frame["event"].as_str().unwrap().to_owned()
}

fn close_code(payload: &[u8]) -> u16 {
    payload.first_chunk().map_or(0, |code| u16::from_be_bytes(*code))
}

/// Creates a masked frame, as clients send it, with this first byte.
fn frame(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = header(first_byte, payload.len());
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn header(first_byte: u8, length: usize) -> Vec<u8> {
    let mut header = vec![first_byte];
    if length < 126 {
        header.push(0x80 | u8::try_from(length).unwrap());
    } else if let Ok(length) = u16::try_from(length) {
        header.push(0xfe);
        header.extend(length.to_be_bytes());
    } else {
        header.push(0xff);
        header.extend(u64::try_from(length).unwrap().to_be_bytes());
    }
    header
}

/// Creates a `ping` event of this length in bytes.
fn ping_of_length(length: usize) -> Vec<u8> {
    let (head, tail) = ("{\"event\":\"ping\",\"data\":\"", "\"}");
    let filler = "*".repeat(length - head.len() - tail.len());
    format!("{head}{filler}{tail}").into_bytes()
}

fn ping() -> Vec<u8> {
    b"{\"event\":\"ping\"}".to_vec()
}

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FIN | CLOSE, &[&code.to_be_bytes(), reason].concat())
}

/// Splits a message into frames with payloads of at most `size` bytes.
fn fragments(opcode: u8, message: &[u8], size: usize) -> Vec<u8> {
    let last = message.len().div_ceil(size) - 1;
    let fragment = |(number, payload): (usize, &[u8])| {
        let fin = if number == last { FIN } else { 0 };
        let opcode = if number == 0 { opcode } else { CONTINUATION };
        frame(fin | opcode, payload)
    };
    message.chunks(size).enumerate().flat_map(fragment).collect()
}

fn pong() -> Received {
    Received::Event("pong".to_owned())
}

/// Asserts that the server responds to these bytes with `expected` and that the connection stays usable.
async fn assert_accepted(server: &TestServer, case: &str, bytes: &[u8], expected: &[Received]) {
    for chunk_size in [usize::MAX, 997, 1] {
        if chunk_size == 1 && bytes.len() > KIB {
            continue;
        }
        let mut client = RawClient::open(server).await;
        client.send_in_chunks(bytes, chunk_size.min(bytes.len().max(1))).await;
        for frame in expected {
            assert_eq!(client.receive().await.as_ref(), Some(frame), "{case}");
        }
        client.send(&frame(FIN | TEXT, &ping())).await;
        assert_eq!(client.receive().await, Some(pong()), "{case}: the connection is unusable");
    }
}

/// Asserts that the server responds to these bytes by closing the connection with this code.
async fn assert_closed(server: &TestServer, case: &str, bytes: &[u8], code: u16) {
    for chunk_size in [usize::MAX, 1] {
        if chunk_size == 1 && bytes.len() > KIB {
            continue;
        }
        let mut client = RawClient::open(server).await;
        client.send_in_chunks(bytes, chunk_size.min(bytes.len())).await;
        let mut received = client.receive().await;
        while !matches!(received, Some(Received::Close(_)) | None) {
            received = client.receive().await;
        }
        assert_eq!(received, Some(Received::Close(code)), "{case}");
    }
}

#[tokio::test]
async fn frames_of_every_length_are_accepted() {
    let server = TestServer::start().await;
    for length in [26, 125, 126, 127, 128, 65_535, 65_536] {
        let bytes = frame(FIN | TEXT, &ping_of_length(length));
        assert_accepted(&server, &format!("{length} bytes"), &bytes, &[pong()]).await;
    }
    let empty = frame(FIN | TEXT, b"");
    assert_accepted(&server, "no JSON", &empty, &[Received::Event("error".to_owned())]).await;
    assert_closed(&server, "binary", &frame(FIN | BINARY, &[0xfe; 126]), 1007).await;
    assert_closed(&server, "unmasked", &[FIN | TEXT, 2, b'{', b'}'], 1002).await;
}

#[tokio::test]
async fn pings_are_answered_in_order_with_their_payload() {
    let server = TestServer::start().await;
    for payload in [b"".to_vec(), b"Hello".to_vec(), vec![0, 0xff, 0xfe], vec![0xfe; 125]] {
        let case = format!("a ping of {} bytes", payload.len());
        let bytes = frame(FIN | PING, &payload);
        assert_accepted(&server, &case, &bytes, &[Received::Pong(payload)]).await;
    }
    let many: Vec<u8> = (0..10).flat_map(|number| frame(FIN | PING, &[number])).collect();
    let all: Vec<Received> = (0..10).map(|number| Received::Pong(vec![number])).collect();
    assert_accepted(&server, "ten pings", &many, &all).await;
    assert_accepted(&server, "an unsolicited pong", &frame(FIN | PONG, b"x"), &[]).await;
    assert_closed(&server, "a ping that is too long", &frame(FIN | PING, &[0xfe; 126]), 1002).await;
}

#[tokio::test]
async fn reserved_bits_and_opcodes_are_rejected() {
    let server = TestServer::start().await;
    for bits in 1..8 {
        for opcode in [TEXT, PING, CLOSE] {
            let bytes = frame(FIN | bits << 4 | opcode, b"");
            assert_closed(&server, &format!("bits {bits}, opcode {opcode}"), &bytes, 1002).await;
        }
    }
    let after_a_message =
        [frame(FIN | TEXT, &ping()), frame(FIN | 0x40 | TEXT, &ping()), frame(FIN | PING, b"")];
    assert_closed(&server, "after a message", &after_a_message.concat(), 1002).await;
    for opcode in (3..8).chain(11..16) {
        for payload in [b"".as_slice(), b"x"] {
            let bytes = frame(FIN | opcode, payload);
            assert_closed(&server, &format!("opcode {opcode}"), &bytes, 1002).await;
        }
    }
}

#[tokio::test]
async fn fragments_are_reassembled_around_control_frames() {
    let server = TestServer::start().await;
    let message = ping();
    let (head, tail) = message.split_at(7);
    let (first, last) = (frame(TEXT, head), frame(FIN | CONTINUATION, tail));
    let (middle, control_frame) = (frame(CONTINUATION, b""), frame(FIN | PING, b"now?"));
    let pong_frame = Received::Pong(b"now?".to_vec());

    for (case, frames, received) in [
        ("two fragments", vec![&first, &last], vec![pong()]),
        ("an empty fragment between", vec![&first, &middle, &last], vec![pong()]),
        ("a ping between", vec![&first, &control_frame, &last], vec![pong_frame.clone(), pong()]),
        (
            "pings between",
            vec![&first, &control_frame, &middle, &control_frame, &last, &first, &last],
            vec![pong_frame.clone(), pong_frame, pong(), pong()],
        ),
    ] {
        let bytes: Vec<u8> = frames.into_iter().flatten().copied().collect();
        assert_accepted(&server, case, &bytes, &received).await;
    }
    for (case, frames) in [
        ("a fragmented ping", vec![frame(PING, b"x"), frame(FIN | CONTINUATION, b"y")]),
        ("a fragmented pong", vec![frame(PONG, b"x"), frame(FIN | CONTINUATION, b"y")]),
        ("a last fragment without a first", vec![frame(FIN | CONTINUATION, &message)]),
        ("a fragment without a first", vec![frame(CONTINUATION, head), last.clone()]),
        ("a fragment after the last", vec![first.clone(), last.clone(), last]),
        ("a message inside a message", vec![first.clone(), frame(FIN | TEXT, &message)]),
        ("a first fragment inside a message", vec![first.clone(), first]),
    ] {
        assert_closed(&server, case, &frames.concat(), 1002).await;
    }
}

#[tokio::test]
async fn text_must_be_valid_utf_8() {
    let server = TestServer::start().await;
    let text = |text: &[u8]| [b"{\"event\":\"ping\",\"data\":\"", text, b"\"}"].concat();
    for valid in
        ["κόσμε", "\u{80}\u{7ff}\u{800}\u{ffff}", "\u{10000}\u{10ffff}", "\u{d7ff}\u{e000}"]
    {
        let message = text(valid.as_bytes());
        assert_accepted(&server, valid, &frame(FIN | TEXT, &message), &[pong()]).await;
        // A character may be split between two frames.
        assert_accepted(&server, valid, &fragments(TEXT, &message, 1), &[pong()]).await;
    }
    for invalid in [
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xed\xa0\x80\x65".as_slice(),
        b"\x80",
        b"\xbf\x80",
        b"\xc3",
        b"\xe1\xbd",
        b"\xf0\x90\x80",
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xf0\x80\x80\xaf",
        b"\xf4\x90\x80\x80",
        b"\xed\xb0\x80",
        b"\xed\xa0\x80\xed\xb0\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xfe",
        b"\xff",
    ] {
        let case = format!("{invalid:x?}");
        let message = text(invalid);
        assert_closed(&server, &case, &frame(FIN | TEXT, &message), 1007).await;
        assert_closed(&server, &case, &fragments(TEXT, &message, 1), 1007).await;
    }
}

#[tokio::test]
async fn a_close_frame_is_answered_and_is_the_last_frame() {
    let server = TestServer::start().await;
    assert_closed(&server, "without a code", &frame(FIN | CLOSE, b""), 0).await;
    assert_closed(&server, "half a code", &frame(FIN | CLOSE, &[3]), 1002).await;
    assert_closed(&server, "with a reason", &close(1000, "bye κόσμε".as_bytes()), 1000).await;
    assert_closed(&server, "with the longest reason", &close(1000, &[b'*'; 123]), 1000).await;
    assert_closed(&server, "with a reason that is too long", &close(1000, &[b'*'; 124]), 1002)
        .await;
    assert_closed(&server, "with an invalid reason", &close(1000, b"\xce\xff"), 1002).await;
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        assert_closed(&server, &format!("with {code}"), &close(code, b""), code).await;
    }
    for code in [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535] {
        assert_closed(&server, &format!("with {code}"), &close(code, b""), 1002).await;
    }

    for after in [frame(FIN | TEXT, &ping()), frame(FIN | PING, b"x"), close(1001, b"")] {
        let mut client = RawClient::open(&server).await;
        client.send(&[close(1000, b""), after].concat()).await;
        assert_eq!(client.receive_all().await, [Received::Close(1000)]);
    }
    let mut client = RawClient::open(&server).await;
    client.send(&[frame(TEXT, b"half a mess"), close(1000, b"")].concat()).await;
    assert_eq!(
        client.receive_all().await,
        [Received::Close(1000)],
        "a close inside a message was not answered"
    );
}

#[tokio::test]
async fn messages_are_accepted_up_to_the_size_limit() {
    let server = TestServer::start().await;
    for size in [64 * KIB, 256 * KIB, 1024 * KIB] {
        let single_frame = frame(FIN | TEXT, &ping_of_length(size));
        assert_accepted(&server, &format!("{size} bytes in one frame"), &single_frame, &[pong()])
            .await;
    }
    for (size, fragment) in [
        (64 * KIB, 64),
        (64 * KIB, 1_300),
        (1024 * KIB, 4 * KIB),
        (4096 * KIB, 256 * KIB),
        (4096 * KIB, 1024 * KIB),
    ] {
        let bytes = fragments(TEXT, &ping_of_length(size), fragment);
        assert_accepted(
            &server,
            &format!("{size} bytes in frames of {fragment}"),
            &bytes,
            &[pong()],
        )
        .await;
    }
    let larger = fragments(TEXT, &ping_of_length(4096 * KIB + 1), 256 * KIB);
    assert_closed(&server, "a larger message", &larger, 1009).await;
    // The header alone is enough to reject the frame.
    assert_closed(&server, "a larger frame", &header(FIN | TEXT, 1024 * KIB + 1), 1009).await;
    let huge = [FIN | BINARY, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert_closed(&server, "a huge frame", &huge, 1009).await;
}

#[tokio::test]
async fn the_size_limits_can_be_configured() {
    let sizes = [("WS_MAX_FRAME_KB", "1"), ("WS_MAX_MESSAGE_KB", "2")];
    let server = TestServer::with_settings(&sizes).await;

    assert_accepted(&server, "a frame", &frame(FIN | TEXT, &ping_of_length(KIB)), &[pong()]).await;
    let largest = fragments(TEXT, &ping_of_length(2 * KIB), KIB);
    assert_accepted(&server, "a message", &largest, &[pong()]).await;
    assert_closed(&server, "a larger frame", &header(FIN | TEXT, KIB + 1), 1009).await;
    let larger = fragments(TEXT, &ping_of_length(2 * KIB + 1), KIB);
    assert_closed(&server, "a larger message", &larger, 1009).await;
}

#[tokio::test]
async fn a_client_that_does_not_respond_to_pings_is_disconnected() {
    let server = TestServer::with_settings(&[("WS_IDLE_S", "1")]).await;
    let mut client = RawClient::open(&server).await;

    assert_eq!(client.receive_all().await, [Received::Close(1001)]);
}
