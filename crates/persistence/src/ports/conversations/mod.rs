//! Conversations and their messages.

mod append;
mod cursor;
mod edit;
mod list;
mod port;
mod turn;
mod versions;

pub use append::{Append, AppendOutcome, ContinueAnswer, TurnLease};
pub use cursor::{Cursor, InvalidCursor};
pub use edit::{Edit, EditOutcome};
pub use list::{ArchiveFilter, ListOrder, Page};
pub use port::Conversations;
#[cfg(feature = "mock")]
pub use port::MockConversations;
pub use turn::{AbandonedTurn, AnswerUpdate, ClaimScope};
pub use versions::{ChildMessage, SelectOutcome};
