#![doc = include_str!("../README.md")]

mod budget;
mod chunker;
mod compaction;
mod counter;
mod planner;

pub use budget::{
    Budget, MESSAGE_OVERHEAD, REPLY_PRIMER, SUMMARY_HEADING, SummaryExtent, TooLong, with_overhead,
};
pub use chunker::chunks;
pub use compaction::CompactionScan;
pub use counter::{TokenCounter, window_of};
pub use planner::{ContextPlanner, Plan};
