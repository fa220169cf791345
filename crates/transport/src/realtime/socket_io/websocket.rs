use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use actix_ws::{
    AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, MessageStream,
    ProtocolError, Session as Socket,
};
use engineioxide_core::{Packet, ProtocolVersion};
use tokio::time::timeout;
use webchat_chat::Chat;

use super::close_reason::End;
use super::engine_io_session::{Carrier, Inbox, Session};
use super::outbox::{MAX_PAYLOAD, Outbox};
use super::session_task as life;
use crate::error::api_error::ApiError;
use crate::extract::session as caller;
use crate::extract::session::Caller;
use crate::realtime::connections::{Connections, TOO_MUCH};
use crate::realtime::websocket::frame_guard::{Found, Violation, inspected};

/// How long a client may take to change from polling.
const UPGRADE_WITHIN: Duration = Duration::from_secs(10);

/// How long a client may take for the last frame.
const SLOWEST: Duration = Duration::from_secs(5);

/// A WebSocket of one session.
struct WebSocket {
    socket: Socket,
    stream: AggregatedMessageStream,
    found: Found,
    session: Arc<Session>,
}

/// Opens a session that has a WebSocket from the beginning.
pub(super) async fn open(
    request: &HttpRequest,
    payload: Payload,
    chat: &Chat,
    connections: &Connections,
) -> Result<HttpResponse, actix_web::Error> {
    let (payload, found) = inspected(request, payload, MAX_PAYLOAD, MAX_PAYLOAD).await?;
    let (response, socket, stream) = actix_ws::handle(request, payload)?;
    let caller = Caller::extract(request).await?;
    caller::extend(request, chat, &caller.0).await?;
    let session = life::start(chat, caller.0, connections, Carrier::WebSocket)?;
    let websocket = WebSocket::new(socket, stream, found, session);
    connections.tasks.spawn_local(websocket.run_from_the_beginning());
    Ok(response)
}

/// Opens a WebSocket for a session that polls.
pub(super) async fn upgrade(
    request: &HttpRequest,
    payload: Payload,
    session: Arc<Session>,
    connections: &Connections,
) -> Result<HttpResponse, actix_web::Error> {
    let (payload, found) = inspected(request, payload, MAX_PAYLOAD, MAX_PAYLOAD).await?;
    let (response, socket, stream) = actix_ws::handle(request, payload)?;
    session.begin_upgrade().map_err(ApiError::from)?;
    let websocket = WebSocket::new(socket, stream, found, session);
    connections.tasks.spawn_local(websocket.run_after_probe());
    Ok(response)
}

impl WebSocket {
    fn new(socket: Socket, stream: MessageStream, found: Found, session: Arc<Session>) -> Self {
        let stream = stream
            .max_frame_size(MAX_PAYLOAD)
            .aggregate_continuations()
            .max_continuation_size(MAX_PAYLOAD);
        Self { socket, stream, found, session }
    }

    async fn run_from_the_beginning(mut self) {
        let open = self.session.open_packet();
        match send(&mut self.socket, open).await {
            Ok(()) => self.run().await,
            Err(end) => drop(self.session.end(end)),
        }
    }

    async fn run_after_probe(mut self) {
        let session = Arc::clone(&self.session);
        let probed = tokio::select! {
            probed = timeout(UPGRADE_WITHIN, self.probe()) => probed.unwrap_or(Err(End::Silent)),
            end = session.ended() => Err(end),
        };
        match probed {
            Ok(()) => self.run().await,
            Err(end) => {
                session.stay_with_polling();
                close(self.socket, end).await;
            }
        }
    }

    /// The client tries whether packets come through both ways, and then leaves polling.
    async fn probe(&mut self) -> Result<(), End> {
        self.expect(&Packet::PingUpgrade).await?;
        self.session.probed();
        send(&mut self.socket, Packet::PongUpgrade).await?;
        self.expect(&Packet::Upgrade).await
    }

    async fn expect(&mut self, packet: &Packet) -> Result<(), End> {
        let received = receive(&mut self.socket, &mut self.stream, &self.found).await?;
        if received == *packet { Ok(()) } else { Err(End::Broken) }
    }

    /// Carries packets both ways until the session ends.
    async fn run(self) {
        let Self { socket, mut stream, found, session } = self;
        let mut reading = socket.clone();
        let mut writing = socket.clone();
        let carrying = async {
            let (mut outbox, inbox) = session.for_websocket().await;
            tokio::select! {
                end = read(&mut reading, &mut stream, &found, &session, &inbox) => end,
                end = write(&mut writing, &mut outbox) => end,
            }
        };
        let end = tokio::select! {
            end = carrying => session.end(end),
            end = session.ended() => end,
        };
        close(socket, end).await;
    }
}

impl From<Violation> for End {
    fn from(violation: Violation) -> Self {
        match violation {
            Violation::TooLarge => Self::TooLarge,
            Violation::ReservedBits => Self::Broken,
        }
    }
}

async fn read(
    socket: &mut Socket,
    stream: &mut AggregatedMessageStream,
    found: &Found,
    session: &Session,
    inbox: &Inbox,
) -> End {
    loop {
        let packet = match receive(socket, stream, found).await {
            Ok(packet) => packet,
            Err(end) => return end,
        };
        if session.hear(packet, inbox).await.is_err() {
            // It ended meanwhile, and knows why.
            return session.ended().await;
        }
    }
}

async fn write(socket: &mut Socket, outbox: &mut Outbox) -> End {
    while let Some(packet) = outbox.next().await {
        if let Err(end) = send(socket, packet).await {
            return end;
        }
    }
    End::Restart
}

async fn receive(
    socket: &mut Socket,
    stream: &mut AggregatedMessageStream,
    found: &Found,
) -> Result<Packet, End> {
    loop {
        match stream.recv().await {
            Some(Ok(AggregatedMessage::Text(text))) => {
                return Packet::parse(ProtocolVersion::V4, text.to_string())
                    .map_err(|_| End::Broken);
            }
            Some(Ok(AggregatedMessage::Binary(bytes))) => return Ok(Packet::Binary(bytes)),
            Some(Ok(AggregatedMessage::Ping(bytes))) => {
                socket.pong(&bytes).await.map_err(|_| End::Left)?;
            }
            Some(Ok(AggregatedMessage::Pong(_))) => {}
            None => return Err(found.get().map_or(End::Left, End::from)),
            Some(Ok(AggregatedMessage::Close(_))) => return Err(End::Left),
            Some(Err(ProtocolError::Overflow)) => return Err(End::TooLarge),
            Some(Err(_)) => return Err(End::Broken),
        }
    }
}

async fn send(socket: &mut Socket, packet: Packet) -> Result<(), End> {
    socket.text(String::from(packet)).await.map_err(|_| End::Left)
}

async fn close(socket: Socket, end: End) {
    let (code, description) = match end {
        End::Left => (CloseCode::Normal, None),
        End::Broken => (CloseCode::Protocol, Some("that is not the protocol")),
        End::TooLarge => (CloseCode::Size, Some("a message may have 1 MB")),
        End::TooMuch => (CloseCode::Policy, Some(TOO_MUCH)),
        End::Silent => (CloseCode::Away, Some("nothing came any more")),
        End::Restart => (CloseCode::Restart, Some("the server restarts: connect again")),
    };
    let reason = CloseReason { code, description: description.map(ToOwned::to_owned) };
    // A client that takes nothing any more is not waited for.
    let _ = timeout(SLOWEST, socket.close(Some(reason))).await;
}
