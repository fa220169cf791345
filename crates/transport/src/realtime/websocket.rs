use std::pin::pin;
use std::time::Duration;

use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use actix_ws::{
    AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, MessageStream,
    ProtocolError, Session as Socket,
};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;
use webchat_chat::Chat;

use super::Connections;
use super::client::Client;
use super::incoming::{Frame, Subject};
use super::outgoing::Outgoing;
use crate::{Caller, caller};

const MAX_FRAME: usize = 1024 * 1024;
const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// Frames on their way to one client: a client that takes no more is waited for.
const OUTBOX: usize = 64;

const PING_EVERY: Duration = Duration::from_secs(15);

/// A connection from which nothing came for so long is dead: it has missed three pings.
const IDLE: Duration = Duration::from_secs(45);

/// How long a client may take for one frame.
const SLOWEST: Duration = Duration::from_secs(30);

/// What a client is told that does not take what there is to tell.
const TOO_SLOW: &str = "too slow: connect again";

#[derive(Serialize)]
struct OutgoingFrame<'a> {
    event: &'static str,
    data: &'a Outgoing,
}

/// Opens a WebSocket.
pub(crate) async fn connect(
    request: HttpRequest,
    payload: web::Payload,
    caller: Caller,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, actix_web::Error> {
    let (response, socket, stream) = actix_ws::handle(&request, payload)?;
    caller::extend(&request, &chat, &caller.0).await?;
    let (outbox, outgoing) = mpsc::channel(OUTBOX);
    let connections = Connections::clone(&connections);
    let client = Client::new(Chat::clone(&chat), caller.0, outbox, connections.clone());
    let tasks = connections.tasks.clone();
    tasks.spawn_local(run(socket, stream, client, outgoing, connections.closing));
    Ok(response)
}

/// Carries frames both ways until one side ends it.
async fn run(
    socket: Socket,
    stream: MessageStream,
    mut client: Client<Outgoing>,
    outgoing: mpsc::Receiver<Outgoing>,
    closing: CancellationToken,
) {
    let stream = stream
        .max_frame_size(MAX_FRAME)
        .aggregate_continuations()
        .max_continuation_size(MAX_MESSAGE);
    let mut writing = pin!(write(socket.clone(), outgoing));
    let ended = tokio::select! {
        reason = read(socket.clone(), stream, &mut client) => Some(reason),
        reason = &mut writing => Some(reason),
        () = closing.cancelled() => None,
    };
    let reason = if let Some(reason) = ended {
        reason
    } else {
        tokio::join!(client.finish(), writing);
        Some(reason(CloseCode::Restart, "the server restarts: connect again"))
    };
    // A client that takes nothing any more is not waited for.
    let _ = timeout(SLOWEST, socket.close(reason)).await;
}

async fn read(
    mut socket: Socket,
    mut stream: AggregatedMessageStream,
    client: &mut Client<Outgoing>,
) -> Option<CloseReason> {
    client.greet().await;
    loop {
        let received = tokio::select! {
            received = timeout(IDLE, stream.recv()) => received,
            () = client.fell_behind() => return Some(reason(CloseCode::Again, TOO_SLOW)),
        };
        let message = match received {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => return Some(broken(&error)),
            Ok(None) => return None,
            Err(_) => return Some(reason(CloseCode::Away, "nothing came for 45 s")),
        };
        match message {
            AggregatedMessage::Text(text) => hear(client, &text).await,
            AggregatedMessage::Ping(bytes) => socket.pong(&bytes).await.ok()?,
            AggregatedMessage::Pong(_) => {}
            AggregatedMessage::Binary(_) => {
                return Some(reason(CloseCode::Unsupported, "frames must be text"));
            }
            AggregatedMessage::Close(reason) => return reason,
        }
    }
}

/// Whatever can't be done is answered by an `error` event.
async fn hear(client: &mut Client<Outgoing>, text: &str) {
    match Frame::parse(text) {
        Ok(frame) => drop(client.receive(frame).await),
        Err(error) => drop(client.refuse(Subject::default(), &error).await),
    }
}

async fn write(mut socket: Socket, mut outgoing: mpsc::Receiver<Outgoing>) -> Option<CloseReason> {
    let mut pings = interval(PING_EVERY);
    loop {
        let written = tokio::select! {
            next = outgoing.recv() => timeout(SLOWEST, send(&mut socket, &next?)).await,
            _ = pings.tick() => timeout(SLOWEST, socket.ping(b"")).await,
        };
        match written {
            Ok(Ok(())) => {}
            Ok(Err(_closed)) => return None,
            Err(_) => return Some(reason(CloseCode::Again, TOO_SLOW)),
        }
    }
}

async fn send(socket: &mut Socket, outgoing: &Outgoing) -> Result<(), actix_ws::Closed> {
    let frame = OutgoingFrame { event: outgoing.name(), data: outgoing };
    match serde_json::to_string(&frame) {
        Ok(json) => socket.text(json).await,
        Err(error) => {
            tracing::error!(%error, "an event can't be written");
            Ok(())
        }
    }
}

fn broken(error: &ProtocolError) -> CloseReason {
    match error {
        ProtocolError::Overflow => reason(CloseCode::Size, "a message may have 4 MiB"),
        error => reason(CloseCode::Protocol, &error.to_string()),
    }
}

fn reason(code: CloseCode, description: &str) -> CloseReason {
    CloseReason { code, description: Some(description.to_owned()) }
}
