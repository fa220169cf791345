//! Writes events to a client, and pings it.

use std::time::Duration;

use actix_web::web::Bytes;
use actix_ws::{Closed, Item, Session as Socket};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};

use super::close::Close;
use crate::realtime::events::outgoing::OutgoingEvent;
use crate::realtime::limits::Limits;

/// The maximum payload of a frame, in bytes. `actix_ws` buffers about 32 frames for a slow client.
const MAX_FRAME_BYTES: usize = 4 * 1024;

/// The number of pings within the idle timeout.
const PINGS_PER_TIMEOUT: u32 = 3;

#[derive(Serialize)]
struct EventJson<'a> {
    event: &'static str,
    data: &'a OutgoingEvent,
}

/// Writes events until the outbox is closed, or the client does not receive them in time. Returns how
/// to close the connection.
pub(super) async fn write(
    mut socket: Socket,
    mut outbox: mpsc::Receiver<OutgoingEvent>,
    limits: Limits,
) -> Close {
    let mut pings =
        interval((limits.idle_timeout / PINGS_PER_TIMEOUT).max(Duration::from_millis(1)));
    let send_timeout = limits.send_timeout / 2;
    loop {
        let result = tokio::select! {
            next = outbox.recv() => {
                let Some(event) = next else { return Close::by_client(None) };
                timeout(send_timeout, send(&mut socket, &event)).await
            }
            _ = pings.tick() => timeout(send_timeout, socket.ping(b"")).await,
        };
        match result {
            Ok(Ok(())) => {}
            Ok(Err(Closed)) => return Close::by_client(None),
            Err(_) => return Close::slow_reader(),
        }
    }
}

async fn send(socket: &mut Socket, event: &OutgoingEvent) -> Result<(), Closed> {
    let json = serde_json::to_string(&EventJson { event: event.name(), data: event });
    match json {
        Ok(json) if json.len() <= MAX_FRAME_BYTES => socket.text(json).await,
        Ok(json) => send_fragmented(socket, json.into()).await,
        Err(error) => {
            tracing::error!(%error, "failed to serialize event");
            Ok(())
        }
    }
}

/// Sends a message in several frames, so that only part of it is buffered for a slow client.
async fn send_fragmented(socket: &mut Socket, mut json: Bytes) -> Result<(), Closed> {
    socket.continuation(Item::FirstText(json.split_to(MAX_FRAME_BYTES.min(json.len())))).await?;
    while json.len() > MAX_FRAME_BYTES {
        socket.continuation(Item::Continue(json.split_to(MAX_FRAME_BYTES))).await?;
    }
    socket.continuation(Item::Last(json)).await
}
