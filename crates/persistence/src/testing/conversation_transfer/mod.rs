//! Contract tests of [`ConversationTransfer`](crate::ConversationTransfer).

mod long;
mod operator;
mod stored_bytes;
mod user;

pub use long::*;
pub use operator::*;
pub use stored_bytes::*;
pub use user::*;
