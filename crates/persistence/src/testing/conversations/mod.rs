//! Contract tests of [`Conversations`](crate::Conversations).

mod append;
mod creation;
mod editing;
mod expired_turns;
mod harness;
mod messages;
mod search;
mod turns;

pub use append::*;
pub use creation::*;
pub use editing::*;
pub use expired_turns::*;
pub use messages::*;
pub use search::*;
pub use turns::*;
