//! Reads the messages of a client. Each message is an event in JSON.

use actix_ws::{AggregatedMessage, AggregatedMessageStream, MessageStream, Session as Socket};
use tokio::time::timeout;

use super::close::Close;
use super::violation::FirstViolation;
use crate::realtime::client::{Client, EventError};
use crate::realtime::events::incoming::{ErrorContext, UnparsedEvent};
use crate::realtime::events::outgoing::OutgoingEvent;
use crate::realtime::limits::Limits;

/// Reads the messages of a client.
pub(super) struct Reader {
    stream: AggregatedMessageStream,
    violation: FirstViolation,
    pub(super) limits: Limits,
}

impl Reader {
    pub(super) fn new(stream: MessageStream, violation: FirstViolation, limits: Limits) -> Self {
        let stream = stream
            .max_frame_size(limits.max_frame)
            .aggregate_continuations()
            .max_continuation_size(limits.max_message);
        Self { stream, violation, limits }
    }

    /// Returns the next message. The error describes how to close the connection.
    async fn next(&mut self) -> Result<AggregatedMessage, Close> {
        match timeout(self.limits.idle_timeout, self.stream.recv()).await {
            Ok(Some(Ok(message))) => Ok(message),
            Ok(Some(Err(error))) => Err(Close::from(&error)),
            Ok(None) => {
                Err(self.violation.get().map_or_else(|| Close::by_client(None), Into::into))
            }
            Err(_) => Err(Close::idle()),
        }
    }

    /// Dispatches the client's events until the connection must be closed. Returns how to close it.
    pub(super) async fn run(
        mut self,
        mut socket: Socket,
        client: &mut Client<OutgoingEvent>,
    ) -> Close {
        client.send_welcome().await;
        loop {
            let message = match self.next().await {
                Ok(message) => message,
                Err(close) => return close,
            };
            match message {
                AggregatedMessage::Text(text) => {
                    if let Err(TooManyMessages) = handle(client, &text).await {
                        return Close::too_many_messages();
                    }
                }
                // The libraries of some platforms send texts as binary messages.
                AggregatedMessage::Binary(bytes) => {
                    let Ok(text) = str::from_utf8(&bytes) else { return Close::not_utf8() };
                    if let Err(TooManyMessages) = handle(client, text).await {
                        return Close::too_many_messages();
                    }
                }
                AggregatedMessage::Ping(bytes) => {
                    if socket.pong(&bytes).await.is_err() {
                        return Close::by_client(None);
                    }
                }
                AggregatedMessage::Pong(_) => {}
                AggregatedMessage::Close(frame) => return Close::by_client(frame),
            }
        }
    }
}

struct TooManyMessages;

/// Dispatches an event. Every other error is sent to the client as an `error` event.
async fn handle(client: &mut Client<OutgoingEvent>, text: &str) -> Result<(), TooManyMessages> {
    let event = UnparsedEvent::parse(text);
    let context =
        event.as_ref().map_or_else(|_| ErrorContext::default(), UnparsedEvent::error_context);
    match client.handle(context, event).await {
        Ok(()) | Err(EventError::Rejected(_)) => Ok(()),
        Err(EventError::TooManyMessages) => Err(TooManyMessages),
    }
}
