/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Its client closed it.
    Left,
    /// Its client broke the protocol.
    Broken,
    /// Its client sent more at once than it may.
    TooLarge,
    /// Its client said too much, and went on though it was told.
    TooMuch,
    /// Nothing came from its client any more.
    Silent,
    /// The server goes away.
    Restart,
}
