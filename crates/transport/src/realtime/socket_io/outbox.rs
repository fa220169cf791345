//! The packets to a client, and their encoding.

use std::sync::Arc;

use engineioxide_core::Packet;
use futures_util::FutureExt;
use serde::Serialize;
use socketioxide_core::Value;
use socketioxide_core::packet::Packet as SocketIoPacket;
use socketioxide_core::parser::{Parse, ParserError};
use socketioxide_parser_common::CommonParser;
use tokio::sync::{Notify, mpsc};

use crate::realtime::events::outgoing::OutgoingEvent;

/// The maximum size of a payload from a client, in bytes.
pub(super) const MAX_PAYLOAD: usize = 1_000_000;

/// The maximum number of packets queued for a slow client.
const OUTBOX_CAPACITY: usize = 64;

/// The maximum number of packets in the response to a poll. python-socketio rejects more.
const MAX_PACKETS: usize = 16;

const SEPARATOR: char = '\x1e';

/// The pending packets to a client. The active transport sends them.
pub(super) struct Outbox {
    /// Requests a ping. It bypasses the queue, so that a ping does not wait behind the events of a slow client.
    ping: Arc<Notify>,
    queue: mpsc::Receiver<OutboxItem>,
}

/// An entry of an outbox.
pub(super) enum OutboxItem {
    Packet(Box<Packet>),
    /// An event, which is encoded only when it is sent.
    Event(OutgoingEvent),
}

impl From<OutgoingEvent> for OutboxItem {
    fn from(event: OutgoingEvent) -> Self {
        Self::Event(event)
    }
}

impl Outbox {
    /// Creates an outbox and the sender of its queue. Notifying `ping` sends a ping.
    pub(super) fn new(ping: Arc<Notify>) -> (mpsc::Sender<OutboxItem>, Self) {
        let (sender, queue) = mpsc::channel(OUTBOX_CAPACITY);
        (sender, Self { ping, queue })
    }

    /// Waits for the next packet. Returns `None` when the outbox is empty and has no sender.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub(super) async fn next(&mut self) -> Option<Packet> {
        loop {
            let item = tokio::select! {
                biased;
                () = self.ping.notified() => return Some(Packet::Ping),
                item = self.queue.recv() => item?,
            };
            let event = match item {
                OutboxItem::Packet(packet) => return Some(*packet),
                OutboxItem::Event(event) => event,
            };
            match encode_event(&event) {
                Ok(packet) => return Some(packet),
                Err(error) => tracing::error!(%error, "failed to encode event"),
            }
        }
    }

    /// Waits for at least one packet, and returns the available packets as the response to a poll.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: it only waits for the first packet.
    pub(super) async fn next_payload(&mut self) -> Option<String> {
        let mut payload = String::from(self.next().await?);
        for _ in 1..MAX_PACKETS {
            if payload.len() >= MAX_PAYLOAD {
                break;
            }
            let Some(Some(packet)) = self.next().now_or_never() else { break };
            payload.push(SEPARATOR);
            payload.push_str(&String::from(packet));
        }
        Some(payload)
    }
}

/// Splits a posted payload into packets.
pub(super) fn split_payload(payload: &str) -> impl Iterator<Item = &str> {
    payload.split(SEPARATOR)
}

/// Encodes an event, with its data as the only argument.
fn encode_event(event: &OutgoingEvent) -> Result<Packet, ParserError> {
    let arguments = CommonParser.encode_default(&(event.name(), event))?;
    Ok(wrap(SocketIoPacket::event("/", arguments)))
}

/// Encodes the acknowledgement of the event `id`.
pub(super) fn encode_acknowledgement(
    id: i64,
    arguments: &[impl Serialize],
) -> Result<Packet, ParserError> {
    let arguments = CommonParser.encode_default(arguments)?;
    Ok(wrap(SocketIoPacket::ack("/", arguments, id)))
}

/// Wraps a Socket.IO packet in an Engine.IO packet.
pub(super) fn wrap(packet: SocketIoPacket) -> Packet {
    match CommonParser.encode(packet) {
        Value::Str(text, _) => Packet::Message(text),
        Value::Bytes(bytes) => Packet::Binary(bytes),
    }
}
