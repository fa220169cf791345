//! Reads the messages of a client. Each is an event, as JSON.

use actix_ws::{
    AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, MessageStream,
    Session as Socket,
};
use tokio::time::timeout;

use super::close::{close_reason, reason_of_error, reason_of_violation};
use super::violation::FirstViolation;
use crate::realtime::client::{Client, EventError, TOO_MANY_MESSAGES};
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

    /// Returns the next message. The error is the reason to send to the client when closing, if any.
    async fn next(&mut self) -> Result<AggregatedMessage, Option<CloseReason>> {
        match timeout(self.limits.idle_timeout, self.stream.recv()).await {
            Ok(Some(Ok(message))) => Ok(message),
            Ok(Some(Err(error))) => Err(Some(reason_of_error(&error))),
            Ok(None) => Err(self.violation.get().map(reason_of_violation)),
            Err(_) => Err(Some(close_reason(CloseCode::Away, "idle timeout"))),
        }
    }

    /// Dispatches the client's events until the connection must be closed. Returns the reason.
    pub(super) async fn run(
        mut self,
        mut socket: Socket,
        client: &mut Client<OutgoingEvent>,
    ) -> Option<CloseReason> {
        client.send_welcome().await;
        loop {
            let message = match self.next().await {
                Ok(message) => message,
                Err(reason) => return reason,
            };
            match message {
                AggregatedMessage::Text(text) => {
                    if let Err(TooManyMessages) = handle(client, &text).await {
                        return Some(close_reason(CloseCode::Policy, TOO_MANY_MESSAGES));
                    }
                }
                AggregatedMessage::Ping(bytes) => socket.pong(&bytes).await.ok()?,
                AggregatedMessage::Pong(_) => {}
                AggregatedMessage::Binary(_) => {
                    return Some(close_reason(CloseCode::Unsupported, "messages must be text"));
                }
                AggregatedMessage::Close(reason) => return reason,
            }
        }
    }
}

struct TooManyMessages;

/// Dispatches an event. The client gets every other error as an `error` event.
async fn handle(client: &mut Client<OutgoingEvent>, text: &str) -> Result<(), TooManyMessages> {
    let event = UnparsedEvent::parse(text);
    let context =
        event.as_ref().map_or_else(|_| ErrorContext::default(), UnparsedEvent::error_context);
    match client.handle(context, event).await {
        Ok(()) | Err(EventError::Rejected(_)) => Ok(()),
        Err(EventError::TooManyMessages) => Err(TooManyMessages),
    }
}
