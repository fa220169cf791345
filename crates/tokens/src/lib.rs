#![doc = include_str!("../README.md")]

mod counter;
mod planner;

pub use counter::TokenCounter;
pub use planner::{Budget, ContextPlanner, MESSAGE_OVERHEAD, Plan, REPLY_PRIMER, TooLong};
