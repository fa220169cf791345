//! The Socket.IO connection within an Engine.IO session.

use std::borrow::Cow;
use std::time::Duration;

use engineioxide_core::{Packet, Sid};
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};
use socketioxide_core::Value;
use socketioxide_core::packet::{ConnectPacket, Packet as SocketIoPacket, PacketData};
use socketioxide_core::parser::{Parse, ParseConfig, ParseError, ParserError, ParserState};
use socketioxide_parser_common::CommonParser;
use tokio::sync::mpsc;
use tokio::time::{timeout, timeout_at};
use webchat_chat::Chat;

use super::outbox::{MAX_PAYLOAD, OutboxItem, encode_acknowledgement, wrap};
use crate::error::api_error::ApiError;
use crate::extract::json_text::replace_lone_surrogates;
use crate::extract::session::BrowserSession;
use crate::realtime::client::{Client, EventError};
use crate::realtime::close_reason::CloseReason;
use crate::realtime::connections::Connections;
use crate::realtime::events::incoming::UnparsedEvent;
use crate::realtime::unfinished_message::UnfinishedMessage;

/// The maximum time for a client to connect to the namespace.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The only namespace.
const NAMESPACE: &str = "/";

/// The maximum number of attachments of a packet. Attachments are parsed, but then rejected.
const MAX_ATTACHMENTS: usize = 10;

/// The Socket.IO connection of an Engine.IO session. It has a [`Client`] while it is connected to the namespace.
pub(super) struct SocketIoConnection {
    chat: Chat,
    browser: BrowserSession,
    connections: Connections,
    outbox: mpsc::Sender<OutboxItem>,
    parse_config: ParseConfig,
    attachments: ParserState,
    /// The packet that still lacks attachments, and its size in bytes.
    unfinished: (UnfinishedMessage, usize),
    client: Option<Client<OutboxItem>>,
}

impl SocketIoConnection {
    pub(super) fn new(
        chat: Chat,
        browser: BrowserSession,
        connections: Connections,
        outbox: mpsc::Sender<OutboxItem>,
        unfinished: UnfinishedMessage,
    ) -> Self {
        let parse_config = ParseConfig {
            max_incoming_binary_buf_size: MAX_PAYLOAD,
            max_incoming_binaries: MAX_ATTACHMENTS,
            ..ParseConfig::default()
        };
        Self {
            chat,
            browser,
            connections,
            outbox,
            parse_config,
            attachments: ParserState::default(),
            unfinished: (unfinished, 0),
            client: None,
        }
    }

    /// Handles the client's packets until the session must end. Returns the reason.
    pub(super) async fn run(&mut self, inbox: &mut mpsc::Receiver<Packet>) -> CloseReason {
        let connect = async {
            while self.client.is_none() {
                self.handle_next(inbox).await?;
            }
            Ok(())
        };
        match timeout(CONNECT_TIMEOUT, connect).await {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => return reason,
            Err(_) => return CloseReason::TimedOut,
        }
        loop {
            if let Err(reason) = self.handle_next(inbox).await {
                return reason;
            }
        }
    }

    /// Waits until all current events are forwarded. Call this after shutdown has begun.
    pub(super) async fn finish(self) {
        if let Some(client) = self.client {
            client.finish().await;
        }
    }

    async fn handle_next(&mut self, inbox: &mut mpsc::Receiver<Packet>) -> Result<(), CloseReason> {
        let (config, attachments) = (&self.parse_config, &self.attachments);
        let (packet, bytes) = match self.receive(inbox).await? {
            Packet::Message(text) => {
                let bytes = text.len();
                let text = match replace_lone_surrogates(&text) {
                    Cow::Owned(text) => text.into(),
                    Cow::Borrowed(_) => text,
                };
                (CommonParser.decode_str(config, attachments, text), bytes)
            }
            Packet::Binary(data) => {
                let bytes = data.len();
                (CommonParser.decode_bin(config, attachments, data), bytes)
            }
            // The Engine.IO session handles these packets.
            _ => return Ok(()),
        };
        let (unfinished, unfinished_bytes) = &mut self.unfinished;
        let is_unfinished = matches!(packet, Err(ParseError::NeedsMoreBinaryData));
        *unfinished_bytes = if is_unfinished { *unfinished_bytes + bytes } else { 0 };
        unfinished.update(0, *unfinished_bytes)?;
        match packet {
            // Boxed, so that idle connections take little memory.
            Ok(packet) => Box::pin(self.dispatch(packet)).await,
            Err(ParseError::NeedsMoreBinaryData) => Ok(()),
            Err(_) => Err(CloseReason::ProtocolError),
        }
    }

    /// Waits for the next packet, until the deadline of an unfinished message.
    async fn receive(&self, inbox: &mut mpsc::Receiver<Packet>) -> Result<Packet, CloseReason> {
        let next = match self.unfinished.0.deadline() {
            Some(deadline) => timeout_at(deadline, inbox.recv())
                .await
                .map_err(|_| UnfinishedMessage::too_slow())?,
            None => inbox.recv().await,
        };
        next.ok_or(CloseReason::ClientClosed)
    }

    async fn dispatch(&mut self, packet: SocketIoPacket) -> Result<(), CloseReason> {
        let SocketIoPacket { inner, ns } = packet;
        let is_connected = self.client.is_some();
        match inner {
            PacketData::Connect(_) if ns != NAMESPACE => {
                let error = SocketIoPacket::connect_error(ns, "Invalid namespace");
                self.send(Ok(wrap(error))).await
            }
            PacketData::Connect(auth) if !is_connected => self.connect(auth).await,
            // A client must connect before it sends anything else.
            _ if ns != NAMESPACE || !is_connected => Err(CloseReason::ProtocolError),
            PacketData::Disconnect => {
                self.client = None;
                Ok(())
            }
            PacketData::Event(value, id) => self.handle_event(&value, id, false).await,
            PacketData::BinaryEvent(value, id) => self.handle_event(&value, id, true).await,
            // The server requests no acknowledgements.
            PacketData::EventAck(..) | PacketData::BinaryAck(..) => Ok(()),
            PacketData::Connect(_) | PacketData::ConnectError(_) => Err(CloseReason::ProtocolError),
        }
    }

    async fn connect(&mut self, auth: Option<Value>) -> Result<(), CloseReason> {
        // Only the syntax of `auth` is checked: the cookie identifies the client.
        CommonParser
            .decode_default::<Map<String, Json>>(auth.as_ref())
            .map_err(|_| CloseReason::ProtocolError)?;
        let data = CommonParser.encode_default(&ConnectPacket { sid: Sid::new() });
        self.send(data.map(|data| wrap(SocketIoPacket::connect(NAMESPACE, Some(data))))).await?;
        let mut client = Client::new(
            self.chat.clone(),
            self.browser.clone(),
            self.outbox.clone(),
            self.connections.clone(),
        );
        client.send_welcome().await;
        self.client = Some(client);
        Ok(())
    }

    /// Handles an event, and acknowledges it if the client requests this. The acknowledgement's only argument is
    /// the error. Without an error it has no arguments, like that of a handler without a return value.
    async fn handle_event(
        &mut self,
        value: &Value,
        id: Option<i64>,
        is_binary: bool,
    ) -> Result<(), CloseReason> {
        let event = parse_event(value).ok_or(CloseReason::ProtocolError)?;
        let client = self.client.as_mut().ok_or(CloseReason::ProtocolError)?;
        let context = event.error_context();
        let event = if is_binary {
            Err(ApiError::InvalidRequest("Binary data is not supported: send JSON.".to_owned()))
        } else {
            Ok(event)
        };
        let error = match client.handle(context, event).await {
            Ok(()) => None,
            Err(EventError::Rejected(error)) => Some(error),
            Err(EventError::TooManyMessages) => return Err(CloseReason::TooManyMessages),
        };
        match id {
            Some(id) => self.send(encode_acknowledgement(id, error.as_slice())).await,
            None => Ok(()),
        }
    }

    async fn send(&self, packet: Result<Packet, ParserError>) -> Result<(), CloseReason> {
        let packet = packet.map_err(|error| {
            tracing::error!(%error, "failed to encode packet");
            CloseReason::ProtocolError
        })?;
        self.outbox
            .send(OutboxItem::Packet(Box::new(packet)))
            .await
            .map_err(|_| CloseReason::ClientClosed)
    }
}

/// Parses the arguments of an event packet: its name and its data. Ignores further arguments.
fn parse_event(value: &Value) -> Option<UnparsedEvent> {
    let arguments: Vec<Box<RawValue>> = serde_json::from_str(value.as_str()?).ok()?;
    let mut arguments = arguments.into_iter();
    let event = serde_json::from_str(arguments.next()?.get()).ok()?;
    Some(UnparsedEvent { event, data: arguments.next() })
}
