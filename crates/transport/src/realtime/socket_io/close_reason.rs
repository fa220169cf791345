//! The reasons for which an Engine.IO session ends.

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseReason {
    /// The client closed it.
    ClientClosed,
    /// The client violated the protocol.
    ProtocolError,
    /// The client sent a larger message than allowed.
    MessageTooLarge,
    /// The client kept exceeding its rate of messages after it was warned.
    TooManyMessages,
    /// The browser's session has expired or was deleted.
    SessionEnded,
    /// The client did not respond in time.
    TimedOut,
    /// There is no memory for the client's unfinished message.
    ServerBusy,
    /// The server is shutting down.
    ServerRestart,
}
