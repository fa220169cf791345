//! What [`Conversations`](crate::Conversations) promises of messages that have several versions.

mod branching;
mod continuation;
mod harness;
mod model;
mod selection;

pub use branching::*;
pub use continuation::*;
pub use model::*;
pub use selection::*;
