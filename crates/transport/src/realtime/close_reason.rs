//! The reasons for closing a WebSocket or a Socket.IO session.

use std::io::ErrorKind;

use actix_ws::ProtocolError;
use strum::{IntoStaticStr, VariantArray};

/// The reason why a connection was closed. Its `strum` name is its metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum CloseReason {
    /// The client closed the connection, or its network failed.
    ClientClosed,
    /// The client violated the protocol.
    ProtocolError,
    /// The client sent a larger message than allowed.
    MessageTooLarge,
    /// The client kept exceeding its message rate after a warning.
    TooManyMessages,
    /// The browser's session has expired or was deleted.
    SessionEnded,
    /// The client did not respond, or did not send or receive a message, in time.
    TimedOut,
    /// There is no memory for the client's unfinished message.
    ServerBusy,
    /// The server is shutting down.
    ServerRestart,
}

impl From<&ProtocolError> for CloseReason {
    fn from(error: &ProtocolError) -> Self {
        match error {
            ProtocolError::Overflow => Self::MessageTooLarge,
            // Only a text that is not UTF-8 is invalid data; other I/O errors are failures of the connection.
            ProtocolError::Io(error) if error.kind() != ErrorKind::InvalidData => {
                Self::ClientClosed
            }
            _ => Self::ProtocolError,
        }
    }
}
