use std::sync::Arc;

use engineioxide_core::Packet;
use futures_util::FutureExt;
use serde::Serialize;
use socketioxide_core::Value;
use socketioxide_core::packet::Packet as SocketIoPacket;
use socketioxide_core::parser::{Parse, ParserError};
use socketioxide_parser_common::CommonParser;
use tokio::sync::{Notify, mpsc};

use crate::realtime::server_event::Outgoing;

/// The largest payload that a client may send, in bytes.
pub(super) const MAX_PAYLOAD: usize = 1_000_000;

/// What is on its way to one client at a time: a client that takes no more is waited for.
const OUTBOX: usize = 64;

/// Packets in one answer to a poll: python-socketio refuses more.
const MOST_PACKETS: usize = 16;

const SEPARATOR: char = '\x1e';

/// What is on its way to a client. Whoever has it is the client's transport.
pub(super) struct Outbox {
    /// Goes first: a ping must not wait behind the events that a slow client leaves lying.
    ping: Arc<Notify>,
    queue: mpsc::Receiver<Queued>,
}

/// What waits in an outbox.
pub(super) enum Queued {
    Packet(Packet),
    /// To be written when it is its turn.
    Event(Outgoing),
}

impl From<Outgoing> for Queued {
    fn from(outgoing: Outgoing) -> Self {
        Self::Event(outgoing)
    }
}

impl Outbox {
    /// An outbox that says a ping when `ping` is notified.
    pub(super) fn new(ping: Arc<Notify>) -> (mpsc::Sender<Queued>, Self) {
        let (sender, queue) = mpsc::channel(OUTBOX);
        (sender, Self { ping, queue })
    }

    /// The next packet; none when everything has been told and nothing more can come.
    ///
    /// # Cancellation
    /// Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<Packet> {
        loop {
            let queued = tokio::select! {
                biased;
                () = self.ping.notified() => return Some(Packet::Ping),
                queued = self.queue.recv() => queued?,
            };
            let outgoing = match queued {
                Queued::Packet(packet) => return Some(packet),
                Queued::Event(outgoing) => outgoing,
            };
            match event(&outgoing) {
                Ok(packet) => return Some(packet),
                Err(error) => tracing::error!(%error, "an event can't be written"),
            }
        }
    }

    /// The next packets, at least one, as the answer to a poll.
    ///
    /// # Cancellation
    /// Dropping the future loses nothing: it waits for the first packet alone.
    pub(super) async fn payload(&mut self) -> Option<String> {
        let mut payload = String::from(self.next().await?);
        for _ in 1..MOST_PACKETS {
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

/// The packets of what a client posts.
pub(super) fn split(payload: &str) -> impl Iterator<Item = &str> {
    payload.split(SEPARATOR)
}

/// An event with its data as its one argument.
fn event(outgoing: &Outgoing) -> Result<Packet, ParserError> {
    let arguments = CommonParser.encode_default(&(outgoing.name(), outgoing))?;
    Ok(message(SocketIoPacket::event("/", arguments)))
}

/// Answers the event `id`.
pub(super) fn acknowledgement(
    id: i64,
    arguments: &[impl Serialize],
) -> Result<Packet, ParserError> {
    let arguments = CommonParser.encode_default(arguments)?;
    Ok(message(SocketIoPacket::ack("/", arguments, id)))
}

/// Carries a packet of Socket.IO.
pub(super) fn message(packet: SocketIoPacket) -> Packet {
    match CommonParser.encode(packet) {
        Value::Str(text, _) => Packet::Message(text),
        Value::Bytes(bytes) => Packet::Binary(bytes),
    }
}
