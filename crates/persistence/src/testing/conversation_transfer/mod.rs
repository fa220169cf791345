//! Contract tests of [`ConversationTransfer`](crate::ConversationTransfer).

mod long;
mod operator;
mod user;

pub use long::*;
pub use operator::*;
pub use user::*;
