//! The WebSocket frame by frame (RFC 6455), with a client that does what no library would: after the
//! cases 1 to 7, 9 and 10 of the Autobahn test suite. As the server does not echo, messages are pings
//! of ours, and what is answered says whether they came through.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use webchat_tests::{PATIENCE, TestServer};

const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

const KIB: usize = 1024;

/// A client that sends bytes as they are.
struct Raw {
    stream: TcpStream,
}

/// What comes from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
enum TurnOutcome {
    /// A message, by its event's name.
    Event(String),
    Pong(Vec<u8>),
    /// The code of a close frame; 0 for none.
    Close(u16),
}

impl Raw {
    /// Opens a WebSocket, which greets.
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
        let mut raw = Self { stream };
        assert_eq!(raw.next().await, Some(TurnOutcome::Event("response".to_owned())));
        raw
    }

    /// Sends bytes, of which the server may not read all.
    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.ok();
    }

    /// Sends bytes a few at a time.
    async fn send_chopped(&mut self, bytes: &[u8], size: usize) {
        for piece in bytes.chunks(size) {
            self.send(piece).await;
            tokio::task::yield_now().await;
        }
    }

    /// The next frame, but for pings; `None` at the end of the connection.
    async fn next(&mut self) -> Option<TurnOutcome> {
        timeout(PATIENCE, self.next_told()).await.unwrap_or_else(|_| panic!("nothing in time"))
    }

    async fn next_told(&mut self) -> Option<TurnOutcome> {
        loop {
            let (first, payload) = self.frame().await?;
            match first {
                0x81 => return Some(TurnOutcome::Event(event(&payload))),
                0x8a => return Some(TurnOutcome::Pong(payload)),
                0x88 => return Some(TurnOutcome::Close(code(&payload))),
                0x89 => {}
                _ => panic!("a frame that begins with {first:x}"),
            }
        }
    }

    async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.stream.read_u8().await.ok()?;
        let length = match self.stream.read_u8().await.ok()? {
            0x7e => usize::from(self.stream.read_u16().await.ok()?),
            0x7f => usize::try_from(self.stream.read_u64().await.ok()?).unwrap(),
            length => usize::from(length),
        };
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).await.ok()?;
        Some((first, payload))
    }

    /// All that comes until the connection ends.
    async fn rest(&mut self) -> Vec<TurnOutcome> {
        let mut told = Vec::new();
        while let Some(next) = self.next().await {
            told.push(next);
        }
        told
    }
}

fn event(payload: &[u8]) -> String {
    let frame: Value = serde_json::from_slice(payload).unwrap();
    frame["event"].as_str().unwrap().to_owned()
}

fn code(payload: &[u8]) -> u16 {
    payload.first_chunk().map_or(0, |code| u16::from_be_bytes(*code))
}

/// A frame as a client sends it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = header(first, payload.len());
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn header(first: u8, length: usize) -> Vec<u8> {
    let mut header = vec![first];
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

/// A message that is answered by `pong`, of so many bytes.
fn ping_of(length: usize) -> Vec<u8> {
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

/// A message in frames of so many bytes.
fn in_fragments(opcode: u8, message: &[u8], size: usize) -> Vec<u8> {
    let last = message.len().div_ceil(size) - 1;
    let fragment = |(number, payload): (usize, &[u8])| {
        let fin = if number == last { FIN } else { 0 };
        let opcode = if number == 0 { opcode } else { CONTINUATION };
        frame(fin | opcode, payload)
    };
    message.chunks(size).enumerate().flat_map(fragment).collect()
}

fn answered() -> TurnOutcome {
    TurnOutcome::Event("pong".to_owned())
}

/// The client says these bytes, and is told this; then the connection still carries a message.
async fn goes_on(server: &TestServer, case: &str, bytes: &[u8], told: &[TurnOutcome]) {
    for chop in [usize::MAX, 997, 1] {
        if chop == 1 && bytes.len() > KIB {
            continue;
        }
        let mut raw = Raw::open(server).await;
        raw.send_chopped(bytes, chop.min(bytes.len().max(1))).await;
        for expected in told {
            assert_eq!(raw.next().await.as_ref(), Some(expected), "{case}");
        }
        raw.send(&frame(FIN | TEXT, &ping())).await;
        assert_eq!(raw.next().await, Some(answered()), "{case}: it goes on");
    }
}

/// The client says these bytes, and the connection is closed with this code.
async fn is_closed(server: &TestServer, case: &str, bytes: &[u8], code: u16) {
    for chop in [usize::MAX, 1] {
        if chop == 1 && bytes.len() > KIB {
            continue;
        }
        let mut raw = Raw::open(server).await;
        raw.send_chopped(bytes, chop.min(bytes.len())).await;
        let mut told = raw.next().await;
        while !matches!(told, Some(TurnOutcome::Close(_)) | None) {
            told = raw.next().await;
        }
        assert_eq!(told, Some(TurnOutcome::Close(code)), "{case}");
    }
}

#[tokio::test]
async fn frames_of_every_length_come_through() {
    let server = TestServer::start().await;
    for length in [26, 125, 126, 127, 128, 65_535, 65_536] {
        let bytes = frame(FIN | TEXT, &ping_of(length));
        goes_on(&server, &format!("{length} bytes"), &bytes, &[answered()]).await;
    }
    let nothing = frame(FIN | TEXT, b"");
    goes_on(&server, "no JSON", &nothing, &[TurnOutcome::Event("error".to_owned())]).await;
    is_closed(&server, "binary", &frame(FIN | BINARY, &[0xfe; 126]), 1003).await;
    is_closed(&server, "not masked", &[FIN | TEXT, 2, b'{', b'}'], 1002).await;
}

#[tokio::test]
async fn pings_are_answered_in_order_with_what_they_carry() {
    let server = TestServer::start().await;
    for payload in [b"".to_vec(), b"Hello".to_vec(), vec![0, 0xff, 0xfe], vec![0xfe; 125]] {
        let case = format!("a ping of {}", payload.len());
        let bytes = frame(FIN | PING, &payload);
        goes_on(&server, &case, &bytes, &[TurnOutcome::Pong(payload)]).await;
    }
    let many: Vec<u8> = (0..10).flat_map(|number| frame(FIN | PING, &[number])).collect();
    let all: Vec<TurnOutcome> = (0..10).map(|number| TurnOutcome::Pong(vec![number])).collect();
    goes_on(&server, "ten pings", &many, &all).await;
    goes_on(&server, "a pong that nobody wanted", &frame(FIN | PONG, b"x"), &[]).await;
    is_closed(&server, "a ping too long", &frame(FIN | PING, &[0xfe; 126]), 1002).await;
}

#[tokio::test]
async fn reserved_bits_and_opcodes_are_refused() {
    let server = TestServer::start().await;
    for bits in 1..8 {
        for opcode in [TEXT, PING, CLOSE] {
            let bytes = frame(FIN | bits << 4 | opcode, b"");
            is_closed(&server, &format!("bits {bits}, opcode {opcode}"), &bytes, 1002).await;
        }
    }
    let after_a_message =
        [frame(FIN | TEXT, &ping()), frame(FIN | 0x40 | TEXT, &ping()), frame(FIN | PING, b"")];
    is_closed(&server, "after a message", &after_a_message.concat(), 1002).await;
    for opcode in (3..8).chain(11..16) {
        for payload in [b"".as_slice(), b"x"] {
            let bytes = frame(FIN | opcode, payload);
            is_closed(&server, &format!("opcode {opcode}"), &bytes, 1002).await;
        }
    }
}

#[tokio::test]
async fn fragments_are_put_together_and_control_frames_may_come_in_between() {
    let server = TestServer::start().await;
    let message = ping();
    let (begun, ended) = message.split_at(7);
    let (first, last) = (frame(TEXT, begun), frame(FIN | CONTINUATION, ended));
    let (middle, question) = (frame(CONTINUATION, b""), frame(FIN | PING, b"now?"));
    let pong = TurnOutcome::Pong(b"now?".to_vec());

    for (case, frames, told) in [
        ("two", vec![&first, &last], vec![answered()]),
        ("an empty one", vec![&first, &middle, &last], vec![answered()]),
        ("a ping between", vec![&first, &question, &last], vec![pong.clone(), answered()]),
        (
            "pings between",
            vec![&first, &question, &middle, &question, &last, &first, &last],
            vec![pong.clone(), pong, answered(), answered()],
        ),
    ] {
        let bytes: Vec<u8> = frames.into_iter().flatten().copied().collect();
        goes_on(&server, case, &bytes, &told).await;
    }
    for (case, frames) in [
        ("a ping in parts", vec![frame(PING, b"x"), frame(FIN | CONTINUATION, b"y")]),
        ("a pong in parts", vec![frame(PONG, b"x"), frame(FIN | CONTINUATION, b"y")]),
        ("an end without a beginning", vec![frame(FIN | CONTINUATION, &message)]),
        ("a part without a beginning", vec![frame(CONTINUATION, begun), last.clone()]),
        ("more after the end", vec![first.clone(), last.clone(), last]),
        ("a message in a message", vec![first.clone(), frame(FIN | TEXT, &message)]),
        ("a beginning in a message", vec![first.clone(), first]),
    ] {
        is_closed(&server, case, &frames.concat(), 1002).await;
    }
}

#[tokio::test]
async fn text_is_utf_8() {
    let server = TestServer::start().await;
    let text = |text: &[u8]| [b"{\"event\":\"ping\",\"data\":\"", text, b"\"}"].concat();
    for valid in
        ["κόσμε", "\u{80}\u{7ff}\u{800}\u{ffff}", "\u{10000}\u{10ffff}", "\u{d7ff}\u{e000}"]
    {
        let message = text(valid.as_bytes());
        goes_on(&server, valid, &frame(FIN | TEXT, &message), &[answered()]).await;
        // Also where a character is in two frames.
        goes_on(&server, valid, &in_fragments(TEXT, &message, 1), &[answered()]).await;
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
        is_closed(&server, &case, &frame(FIN | TEXT, &message), 1007).await;
        is_closed(&server, &case, &in_fragments(TEXT, &message, 1), 1007).await;
    }
}

#[tokio::test]
async fn a_close_is_answered_and_nothing_comes_after_it() {
    let server = TestServer::start().await;
    is_closed(&server, "without a code", &frame(FIN | CLOSE, b""), 0).await;
    is_closed(&server, "half a code", &frame(FIN | CLOSE, &[3]), 1002).await;
    is_closed(&server, "with a reason", &close(1000, "bye κόσμε".as_bytes()), 1000).await;
    is_closed(&server, "with the longest reason", &close(1000, &[b'*'; 123]), 1000).await;
    is_closed(&server, "with a longer one", &close(1000, &[b'*'; 124]), 1002).await;
    is_closed(&server, "with a reason that is no text", &close(1000, b"\xce\xff"), 1002).await;
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        is_closed(&server, &format!("with {code}"), &close(code, b""), code).await;
    }
    for code in [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535] {
        is_closed(&server, &format!("with {code}"), &close(code, b""), 1002).await;
    }

    for after in [frame(FIN | TEXT, &ping()), frame(FIN | PING, b"x"), close(1001, b"")] {
        let mut raw = Raw::open(&server).await;
        raw.send(&[close(1000, b""), after].concat()).await;
        assert_eq!(raw.rest().await, [TurnOutcome::Close(1000)]);
    }
    let mut raw = Raw::open(&server).await;
    raw.send(&[frame(TEXT, b"half a mess"), close(1000, b"")].concat()).await;
    assert_eq!(raw.rest().await, [TurnOutcome::Close(1000)], "a message may stay unfinished");
}

#[tokio::test]
async fn messages_of_every_size_come_through_up_to_the_limit() {
    let server = TestServer::start().await;
    for size in [64 * KIB, 256 * KIB, 1024 * KIB] {
        let whole = frame(FIN | TEXT, &ping_of(size));
        goes_on(&server, &format!("{size} in one"), &whole, &[answered()]).await;
    }
    for (size, fragment) in [
        (64 * KIB, 64),
        (64 * KIB, 1_300),
        (1024 * KIB, 4 * KIB),
        (4096 * KIB, 256 * KIB),
        (4096 * KIB, 1024 * KIB),
    ] {
        let bytes = in_fragments(TEXT, &ping_of(size), fragment);
        goes_on(&server, &format!("{size} by {fragment}"), &bytes, &[answered()]).await;
    }
    let larger = in_fragments(TEXT, &ping_of(4096 * KIB + 1), 256 * KIB);
    is_closed(&server, "a larger message", &larger, 1009).await;
    // Nothing of it is waited for.
    is_closed(&server, "a larger frame", &header(FIN | TEXT, 1024 * KIB + 1), 1009).await;
    let huge = [FIN | BINARY, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    is_closed(&server, "a huge frame", &huge, 1009).await;
}

#[tokio::test]
async fn the_operator_may_set_the_sizes() {
    let sizes = [("WS_MAX_FRAME_KB", "1"), ("WS_MAX_MESSAGE_KB", "2")];
    let server = TestServer::with(&sizes).await;

    goes_on(&server, "a frame", &frame(FIN | TEXT, &ping_of(KIB)), &[answered()]).await;
    let largest = in_fragments(TEXT, &ping_of(2 * KIB), KIB);
    goes_on(&server, "a message", &largest, &[answered()]).await;
    is_closed(&server, "a larger frame", &header(FIN | TEXT, KIB + 1), 1009).await;
    let larger = in_fragments(TEXT, &ping_of(2 * KIB + 1), KIB);
    is_closed(&server, "a larger message", &larger, 1009).await;
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_closed() {
    let server = TestServer::with(&[("WS_IDLE_S", "1")]).await;
    let mut raw = Raw::open(&server).await;

    assert_eq!(raw.rest().await, [TurnOutcome::Close(1001)]);
}
