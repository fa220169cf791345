use std::pin::pin;
use std::time::Duration;

use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use actix_ws::{
    AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, Closed, Item,
    MessageStream, ProtocolError, Session as Socket,
};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;
use webchat_chat::{Chat, Permit};

use crate::extract::session as caller;
use crate::extract::session::Caller;
use crate::realtime::client::{Client, Unheard};
use crate::realtime::client_event::{Frame, Subject};
use crate::realtime::connections::{Connections, TOO_MUCH};
use crate::realtime::limits::Limits;
use crate::realtime::server_event::Outgoing;
use crate::realtime::websocket::frame_guard::{Found, Violation, inspected};

/// Frames on their way to one client: a client that takes no more is waited for. Few, as each may be
/// a long one.
const OUTBOX: usize = 8;

/// Bytes that go out at a time. Under `actix_ws` some 32 of them wait for a slow client.
const PART: usize = 4 * 1024;

/// Pings in the time after which a client is dead that has answered none.
const PINGS: u32 = 3;

#[derive(Serialize)]
struct OutgoingFrame<'a> {
    event: &'static str,
    data: &'a Outgoing,
}

/// What comes from a client, and where it comes from.
struct Incoming {
    stream: AggregatedMessageStream,
    found: Found,
    limits: Limits,
}

/// Opens a WebSocket.
pub(crate) async fn connect(
    request: HttpRequest,
    payload: web::Payload,
    caller: Caller,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, actix_web::Error> {
    let limits = connections.limits;
    let (payload, found) =
        inspected(&request, payload, limits.max_frame, limits.max_message).await?;
    let (response, socket, stream) = actix_ws::handle(&request, payload)?;
    let permit = connections.enter(caller.0.user_id)?;
    caller::extend(&request, &chat, &caller.0).await?;
    let (outbox, outgoing) = mpsc::channel(OUTBOX);
    let connections = Connections::clone(&connections);
    let client = Client::new(Chat::clone(&chat), caller.0, outbox, connections.clone());
    let incoming = Incoming::new(stream, found, limits);
    let tasks = connections.tasks.clone();
    tasks.spawn_local(run(socket, incoming, client, outgoing, permit, connections.closing));
    Ok(response)
}

/// Carries frames both ways until one side ends it.
async fn run(
    socket: Socket,
    incoming: Incoming,
    mut client: Client<Outgoing>,
    outgoing: mpsc::Receiver<Outgoing>,
    _place: Permit,
    closing: CancellationToken,
) {
    let limits = incoming.limits;
    let mut writing = pin!(write(socket.clone(), outgoing, limits));
    let ended = tokio::select! {
        reason = read(socket.clone(), incoming, &mut client) => Some(reason),
        reason = &mut writing => Some(reason),
        () = closing.cancelled() => None,
    };
    let reason = if let Some(reason) = ended {
        reason
    } else {
        tokio::join!(client.finish(), writing);
        Some(reason(CloseCode::Restart, "the server restarts: connect again"))
    };
    // A client that takes nothing any more is not waited for: the system cuts it off.
    let _ = timeout(limits.slowest / 2, socket.close(reason)).await;
}

impl Incoming {
    fn new(stream: MessageStream, found: Found, limits: Limits) -> Self {
        let stream = stream
            .max_frame_size(limits.max_frame)
            .aggregate_continuations()
            .max_continuation_size(limits.max_message);
        Self { stream, found, limits }
    }

    /// The next message, or why there is none.
    async fn next(&mut self) -> Result<AggregatedMessage, Option<CloseReason>> {
        match timeout(self.limits.idle, self.stream.recv()).await {
            Ok(Some(Ok(message))) => Ok(message),
            Ok(Some(Err(error))) => Err(Some(broken(&error))),
            Ok(None) => Err(self.found.get().map(forbidden)),
            Err(_) => Err(Some(reason(CloseCode::Away, "nothing came any more"))),
        }
    }
}

async fn read(
    mut socket: Socket,
    mut incoming: Incoming,
    client: &mut Client<Outgoing>,
) -> Option<CloseReason> {
    client.greet().await;
    loop {
        let message = match incoming.next().await {
            Ok(message) => message,
            Err(reason) => return reason,
        };
        match message {
            AggregatedMessage::Text(text) => {
                if hear(client, &text).await.is_err() {
                    return Some(reason(CloseCode::Policy, TOO_MUCH));
                }
            }
            AggregatedMessage::Ping(bytes) => socket.pong(&bytes).await.ok()?,
            AggregatedMessage::Pong(_) => {}
            AggregatedMessage::Binary(_) => {
                return Some(reason(CloseCode::Unsupported, "frames must be text"));
            }
            AggregatedMessage::Close(reason) => return reason,
        }
    }
}

/// A client that has gone too far.
struct TooMuch;

/// Whatever can't be done is answered by an `error` event.
async fn hear(client: &mut Client<Outgoing>, text: &str) -> Result<(), TooMuch> {
    let frame = Frame::parse(text);
    let subject = frame.as_ref().map_or_else(|_| Subject::default(), Frame::subject);
    match client.receive(subject, frame).await {
        Ok(()) | Err(Unheard::Refused(_)) => Ok(()),
        Err(Unheard::TooMuch) => Err(TooMuch),
    }
}

async fn write(
    mut socket: Socket,
    mut outgoing: mpsc::Receiver<Outgoing>,
    limits: Limits,
) -> Option<CloseReason> {
    let mut pings = interval((limits.idle / PINGS).max(Duration::from_millis(1)));
    let slowest = limits.slowest / 2;
    loop {
        let written = tokio::select! {
            next = outgoing.recv() => timeout(slowest, send(&mut socket, &next?)).await,
            _ = pings.tick() => timeout(slowest, socket.ping(b"")).await,
        };
        match written {
            Ok(Ok(())) => {}
            Ok(Err(Closed)) => return None,
            Err(_) => return Some(reason(CloseCode::Again, "too slow: connect again")),
        }
    }
}

async fn send(socket: &mut Socket, outgoing: &Outgoing) -> Result<(), Closed> {
    let frame = OutgoingFrame { event: outgoing.name(), data: outgoing };
    match serde_json::to_string(&frame) {
        Ok(json) if json.len() <= PART => socket.text(json).await,
        Ok(json) => send_in_parts(socket, json.into()).await,
        Err(error) => {
            tracing::error!(%error, "an event can't be written");
            Ok(())
        }
    }
}

/// In several frames, so that no more than some of it waits for a client that takes nothing.
async fn send_in_parts(socket: &mut Socket, mut json: Bytes) -> Result<(), Closed> {
    socket.continuation(Item::FirstText(json.split_to(PART.min(json.len())))).await?;
    while json.len() > PART {
        socket.continuation(Item::Continue(json.split_to(PART))).await?;
    }
    socket.continuation(Item::Last(json)).await
}

/// What a client is told that does not keep to the protocol (RFC 6455, section 7.4.1).
fn broken(error: &ProtocolError) -> CloseReason {
    match error {
        ProtocolError::Overflow => forbidden(Violation::TooLarge),
        ProtocolError::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            reason(CloseCode::Invalid, "text must be UTF-8")
        }
        error => reason(CloseCode::Protocol, &error.to_string()),
    }
}

fn forbidden(violation: Violation) -> CloseReason {
    match violation {
        Violation::TooLarge => reason(CloseCode::Size, "this is larger than a message may be"),
        Violation::ReservedBits => reason(CloseCode::Protocol, "reserved bits must not be set"),
    }
}

fn reason(code: CloseCode, description: &str) -> CloseReason {
    CloseReason { code, description: Some(description.to_owned()) }
}
