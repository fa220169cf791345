#![doc = include_str!("../README.md")]

mod conversations;
mod error;
mod sessions;
mod turn_log;

#[cfg(feature = "testing")]
pub mod testing;

#[cfg(feature = "mock")]
pub use conversations::MockConversations;
pub use conversations::{
    AnswerUpdate, Append, Appended, Conversations, Cursor, InvalidCursor, ListOrder, Page,
    TurnClaim,
};
pub use error::StoreError;
#[cfg(feature = "mock")]
pub use sessions::MockSessions;
pub use sessions::Sessions;
#[cfg(feature = "mock")]
pub use turn_log::MockTurnLog;
pub use turn_log::{Checkpoint, Replay, TurnLog};
