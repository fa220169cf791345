//! Contract tests of [`Conversations`](crate::Conversations) for messages with several versions.

mod branching;
mod continuation;
mod harness;
mod model;
mod selection;

pub use branching::*;
pub use continuation::*;
pub use model::*;
pub use selection::*;
