//! What [`ConversationTransfer`](crate::ConversationTransfer) promises.

mod long;
mod operator;
mod user;

pub use long::*;
pub use operator::*;
pub use user::*;
