//! The reasons for which a WebSocket or a session of Socket.IO ends.

use std::io::ErrorKind;

use actix_ws::ProtocolError;
use strum::{IntoStaticStr, VariantArray};

/// Why a connection ended. Its `strum` name is its label in the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum CloseReason {
    /// The client closed it, or its network failed.
    ClientClosed,
    /// The client violated the protocol.
    ProtocolError,
    /// The client sent a larger message than allowed.
    MessageTooLarge,
    /// The client kept exceeding its rate of messages after it was warned.
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
            // Only a text that is not UTF-8 is invalid data; other errors are of the connection.
            ProtocolError::Io(error) if error.kind() != ErrorKind::InvalidData => {
                Self::ClientClosed
            }
            _ => Self::ProtocolError,
        }
    }
}
