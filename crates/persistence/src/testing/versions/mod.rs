//! Contract tests of [`Conversations`](crate::Conversations) for messages with several versions.

mod branching;
mod continuation;
mod harness;
mod reference;
mod selection;

pub use branching::*;
pub use continuation::*;
pub use reference::*;
pub use selection::*;
