//! The WebSocket transport.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use actix_ws::{
    AggregatedMessage, AggregatedMessageStream, CloseCode, MessageStream, Session as Socket,
};
use engineioxide_core::{Packet, ProtocolVersion};
use tokio::time::timeout;
use webchat_chat::Chat;

use super::engine_io_session::{EngineIoSession, Inbox, TransportState};
use super::outbox::{MAX_PAYLOAD, Outbox};
use super::session_task;
use crate::error::api_error::ApiError;
use crate::extract::session::BrowserSession;
use crate::realtime::client::TOO_MANY_MESSAGES;
use crate::realtime::close_reason::CloseReason;
use crate::realtime::connections::Connections;
use crate::realtime::session_end::{SESSION_ENDED, SESSION_ENDED_CODE};
use crate::realtime::unfinished_message::UnfinishedMessage;
use crate::realtime::websocket::frame_validator::{FrameLimits, validate_frames};
use crate::realtime::websocket::handshake::accept;
use crate::realtime::websocket::violation::{FirstViolation, SERVER_BUSY};

/// The maximum time for a client to switch from polling.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum time for a client to receive the close frame.
const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// A WebSocket of a session.
struct WebSocket {
    socket: Socket,
    stream: AggregatedMessageStream,
    violation: FirstViolation,
    session: Arc<EngineIoSession>,
}

/// Opens a session with a WebSocket, without polling first.
pub(super) async fn open(
    request: &HttpRequest,
    payload: Payload,
    chat: &Chat,
    connections: &Connections,
) -> Result<HttpResponse, actix_web::Error> {
    let limits = frame_limits(connections);
    let (payload, violation) = validate_frames(request, payload, limits).await?;
    let (response, socket, stream) = accept(request, payload)?;
    let browser = BrowserSession::extract(request).await?;
    let (transport, unfinished) = (TransportState::WebSocket, UnfinishedMessage::new(request));
    let session = session_task::start(chat, browser, connections, transport, unfinished)?;
    let websocket = WebSocket::new(socket, stream, violation, session);
    connections.tasks.spawn_local(websocket.run_new());
    Ok(response)
}

/// Opens a WebSocket for a polling session.
pub(super) async fn upgrade(
    request: &HttpRequest,
    payload: Payload,
    session: Arc<EngineIoSession>,
    connections: &Connections,
) -> Result<HttpResponse, actix_web::Error> {
    let limits = frame_limits(connections);
    let (payload, violation) = validate_frames(request, payload, limits).await?;
    let (response, socket, stream) = accept(request, payload)?;
    session.begin_upgrade().map_err(ApiError::from)?;
    let websocket = WebSocket::new(socket, stream, violation, session);
    connections.tasks.spawn_local(websocket.run_upgrade());
    Ok(response)
}

fn frame_limits(connections: &Connections) -> FrameLimits {
    let limits = connections.limits.frames();
    FrameLimits { max_frame: MAX_PAYLOAD, max_message: MAX_PAYLOAD, ..limits }
}

impl WebSocket {
    fn new(
        socket: Socket,
        stream: MessageStream,
        violation: FirstViolation,
        session: Arc<EngineIoSession>,
    ) -> Self {
        let stream = stream
            .max_frame_size(MAX_PAYLOAD)
            .aggregate_continuations()
            .max_continuation_size(MAX_PAYLOAD);
        Self { socket, stream, violation, session }
    }

    async fn run_new(mut self) {
        let open = self.session.open_packet();
        match send(&mut self.socket, open).await {
            Ok(()) => self.run().await,
            Err(reason) => drop(self.session.end(reason)),
        }
    }

    async fn run_upgrade(mut self) {
        let session = Arc::clone(&self.session);
        let result = tokio::select! {
            result = timeout(UPGRADE_TIMEOUT, self.probe()) => {
                result.unwrap_or(Err(CloseReason::TimedOut))
            }
            reason = session.ended() => Err(reason),
        };
        match result {
            Ok(()) => self.run().await,
            Err(reason) => {
                session.cancel_upgrade();
                close(self.socket, reason).await;
            }
        }
    }

    /// Replies to the client's probe of the WebSocket, and waits until the client has switched from polling.
    async fn probe(&mut self) -> Result<(), CloseReason> {
        self.expect_packet(&Packet::PingUpgrade).await?;
        self.session.mark_probed();
        send(&mut self.socket, Packet::PongUpgrade).await?;
        self.expect_packet(&Packet::Upgrade).await
    }

    async fn expect_packet(&mut self, packet: &Packet) -> Result<(), CloseReason> {
        let received = receive(&mut self.socket, &mut self.stream, &self.violation).await?;
        if received == *packet { Ok(()) } else { Err(CloseReason::ProtocolError) }
    }

    /// Relays packets in both directions until the session ends.
    async fn run(self) {
        let Self { socket, mut stream, violation, session } = self;
        let mut read_socket = socket.clone();
        let mut write_socket = socket.clone();
        let transport = async {
            let (mut outbox, inbox) = session.switch_to_websocket().await;
            tokio::select! {
                reason = read(&mut read_socket, &mut stream, &violation, &session, &inbox) => reason,
                reason = write(&mut write_socket, &mut outbox) => reason,
            }
        };
        let reason = tokio::select! {
            reason = transport => session.end(reason),
            reason = session.ended() => reason,
        };
        close(socket, reason).await;
    }
}

async fn read(
    socket: &mut Socket,
    stream: &mut AggregatedMessageStream,
    violation: &FirstViolation,
    session: &EngineIoSession,
    inbox: &Inbox,
) -> CloseReason {
    loop {
        let packet = match receive(socket, stream, violation).await {
            Ok(packet) => packet,
            Err(reason) => return reason,
        };
        if session.receive(packet, inbox).await.is_err() {
            // The session has already ended with another reason.
            return session.ended().await;
        }
    }
}

async fn write(socket: &mut Socket, outbox: &mut Outbox) -> CloseReason {
    while let Some(packet) = outbox.next().await {
        if let Err(reason) = send(socket, packet).await {
            return reason;
        }
    }
    CloseReason::ServerRestart
}

async fn receive(
    socket: &mut Socket,
    stream: &mut AggregatedMessageStream,
    violation: &FirstViolation,
) -> Result<Packet, CloseReason> {
    loop {
        match stream.recv().await {
            Some(Ok(AggregatedMessage::Text(text))) => {
                return Packet::parse(ProtocolVersion::V4, text.to_string())
                    .map_err(|_| CloseReason::ProtocolError);
            }
            Some(Ok(AggregatedMessage::Binary(bytes))) => return Ok(Packet::Binary(bytes)),
            Some(Ok(AggregatedMessage::Ping(bytes))) => {
                socket.pong(&bytes).await.map_err(|_| CloseReason::ClientClosed)?;
            }
            Some(Ok(AggregatedMessage::Pong(_))) => {}
            None => return Err(violation.get().map_or(CloseReason::ClientClosed, Into::into)),
            Some(Ok(AggregatedMessage::Close(_))) => return Err(CloseReason::ClientClosed),
            Some(Err(error)) => return Err(CloseReason::from(&error)),
        }
    }
}

async fn send(socket: &mut Socket, packet: Packet) -> Result<(), CloseReason> {
    socket.text(String::from(packet)).await.map_err(|_| CloseReason::ClientClosed)
}

async fn close(socket: Socket, reason: CloseReason) {
    let (code, description) = match reason {
        CloseReason::ClientClosed => (CloseCode::Normal, None),
        CloseReason::ProtocolError => (CloseCode::Protocol, Some("protocol error")),
        CloseReason::MessageTooLarge => (CloseCode::Size, Some("a message must not exceed 1 MB")),
        CloseReason::TooManyMessages => (CloseCode::Policy, Some(TOO_MANY_MESSAGES)),
        CloseReason::SessionEnded => (SESSION_ENDED_CODE, Some(SESSION_ENDED)),
        CloseReason::ServerBusy => (CloseCode::Again, Some(SERVER_BUSY)),
        CloseReason::TimedOut => (CloseCode::Away, Some("timeout")),
        CloseReason::ServerRestart => {
            (CloseCode::Restart, Some("the server restarts: connect again"))
        }
    };
    let description = description.map(ToOwned::to_owned);
    let frame = actix_ws::CloseReason { code, description };
    // A client that does not receive the frame must not delay the end of the task.
    let _ = timeout(CLOSE_GRACE, socket.close(Some(frame))).await;
}
