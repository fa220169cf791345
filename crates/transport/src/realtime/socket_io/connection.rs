use std::time::Duration;

use engineioxide_core::{Packet, Sid};
use serde_json::{Map, Value as Json};
use socketioxide_core::Value;
use socketioxide_core::packet::{ConnectPacket, Packet as SocketIoPacket, PacketData};
use socketioxide_core::parser::{Parse, ParseConfig, ParseError, ParserError, ParserState};
use socketioxide_parser_common::CommonParser;
use tokio::sync::mpsc;
use tokio::time::timeout;
use webchat_chat::Chat;
use webchat_domain::Session as Browser;

use super::close_reason::End;
use super::outbox::{MAX_PAYLOAD, Queued, acknowledgement, message};
use crate::error::api_error::ApiError;
use crate::realtime::client::{Client, Unheard};
use crate::realtime::client_event::Frame;
use crate::realtime::connections::Connections;

/// How long a client may take to connect to the namespace.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// The one namespace.
const NAMESPACE: &str = "/";

/// Attachments of one packet, which are read and then refused.
const MOST_ATTACHMENTS: usize = 10;

/// The Socket.IO that is spoken in a session: a [`Client`] while it is connected to the namespace.
pub(super) struct Talk {
    chat: Chat,
    browser: Browser,
    connections: Connections,
    outbox: mpsc::Sender<Queued>,
    limits: ParseConfig,
    attachments: ParserState,
    client: Option<Client<Queued>>,
}

impl Talk {
    pub(super) fn new(
        chat: Chat,
        browser: Browser,
        connections: Connections,
        outbox: mpsc::Sender<Queued>,
    ) -> Self {
        let limits = ParseConfig {
            max_incoming_binary_buf_size: MAX_PAYLOAD,
            max_incoming_binaries: MOST_ATTACHMENTS,
            ..ParseConfig::default()
        };
        let attachments = ParserState::default();
        Self { chat, browser, connections, outbox, limits, attachments, client: None }
    }

    /// Does what the client says until that ends the session.
    pub(super) async fn listen(&mut self, heard: &mut mpsc::Receiver<Packet>) -> End {
        let connecting = async {
            while self.client.is_none() {
                self.hear_next(heard).await?;
            }
            Ok(())
        };
        match timeout(CONNECT_WITHIN, connecting).await {
            Ok(Ok(())) => {}
            Ok(Err(end)) => return end,
            Err(_) => return End::Silent,
        }
        loop {
            if let Err(end) = self.hear_next(heard).await {
                return end;
            }
        }
    }

    /// Ends when everything that happened so far has been told. Only after the closing began.
    pub(super) async fn finish(self) {
        if let Some(client) = self.client {
            client.finish().await;
        }
    }

    async fn hear_next(&mut self, heard: &mut mpsc::Receiver<Packet>) -> Result<(), End> {
        let decoded = match heard.recv().await.ok_or(End::Left)? {
            Packet::Message(text) => CommonParser.decode_str(&self.limits, &self.attachments, text),
            Packet::Binary(bytes) => {
                CommonParser.decode_bin(&self.limits, &self.attachments, bytes)
            }
            // Engine.IO's own.
            _ => return Ok(()),
        };
        match decoded {
            Ok(packet) => self.obey(packet).await,
            Err(ParseError::NeedsMoreBinaryData) => Ok(()),
            Err(_) => Err(End::Broken),
        }
    }

    async fn obey(&mut self, packet: SocketIoPacket) -> Result<(), End> {
        let SocketIoPacket { inner, ns } = packet;
        let is_connected = self.client.is_some();
        match inner {
            PacketData::Connect(_) if ns != NAMESPACE => {
                let refused = SocketIoPacket::connect_error(ns, "Invalid namespace");
                self.send(Ok(message(refused))).await
            }
            PacketData::Connect(auth) if !is_connected => self.connect(auth).await,
            // Before it is connected, a client may say nothing else.
            _ if ns != NAMESPACE || !is_connected => Err(End::Broken),
            PacketData::Disconnect => {
                self.client = None;
                Ok(())
            }
            PacketData::Event(value, id) => self.event(&value, id, false).await,
            PacketData::BinaryEvent(value, id) => self.event(&value, id, true).await,
            // Nothing is asked for that could be acknowledged.
            PacketData::EventAck(..) | PacketData::BinaryAck(..) => Ok(()),
            PacketData::Connect(_) | PacketData::ConnectError(_) => Err(End::Broken),
        }
    }

    async fn connect(&mut self, auth: Option<Value>) -> Result<(), End> {
        // What is in it is not asked for: who the client is, its cookie says.
        CommonParser.decode_default::<Map<String, Json>>(auth.as_ref()).map_err(|_| End::Broken)?;
        let connected = CommonParser.encode_default(&ConnectPacket { sid: Sid::new() });
        let connected = connected.map(|sid| message(SocketIoPacket::connect(NAMESPACE, Some(sid))));
        self.send(connected).await?;
        let mut client = Client::new(
            self.chat.clone(),
            self.browser.clone(),
            self.outbox.clone(),
            self.connections.clone(),
        );
        client.greet().await;
        self.client = Some(client);
        Ok(())
    }

    /// An event. If the client wants to know when it has been done, it is told by an
    /// acknowledgement: with no argument, as by a handler that returns nothing, or with the error.
    async fn event(&mut self, value: &Value, id: Option<i64>, binary: bool) -> Result<(), End> {
        let frame = frame(value).ok_or(End::Broken)?;
        let client = self.client.as_mut().ok_or(End::Broken)?;
        let subject = frame.subject();
        let frame = if binary {
            Err(ApiError::InvalidRequest("Binary data is not taken: send JSON.".to_owned()))
        } else {
            Ok(frame)
        };
        let refused = match client.receive(subject, frame).await {
            Ok(()) => None,
            Err(Unheard::Refused(error)) => Some(error),
            Err(Unheard::TooMuch) => return Err(End::TooMuch),
        };
        match id {
            Some(id) => self.send(acknowledgement(id, refused.as_slice())).await,
            None => Ok(()),
        }
    }

    async fn send(&self, packet: Result<Packet, ParserError>) -> Result<(), End> {
        let packet = packet.map_err(|error| {
            tracing::error!(%error, "a packet can't be written");
            End::Broken
        })?;
        self.outbox.send(Queued::Packet(packet)).await.map_err(|_| End::Left)
    }
}

/// An event's name and its first argument; there are no events with more.
fn frame(value: &Value) -> Option<Frame> {
    let arguments: Vec<Json> = serde_json::from_str(value.as_str()?).ok()?;
    let mut arguments = arguments.into_iter();
    let Some(Json::String(event)) = arguments.next() else { return None };
    Some(Frame { event, data: arguments.next().unwrap_or_default() })
}
