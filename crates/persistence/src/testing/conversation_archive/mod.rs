//! What [`ConversationArchive`](crate::ConversationArchive) promises.

mod operator;
mod user;

pub use operator::*;
pub use user::*;
