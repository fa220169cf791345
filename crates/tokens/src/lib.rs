#![doc = include_str!("../README.md")]

mod chunker;
mod compaction;
mod counter;
mod planner;

pub use chunker::chunks;
pub use compaction::Fold;
pub use counter::{TokenCounter, window_of};
pub use planner::{
    Budget, ContextPlanner, Cover, MESSAGE_OVERHEAD, Plan, REPLY_PRIMER, SUMMARY_HEADING, TooLong,
    with_overhead,
};
