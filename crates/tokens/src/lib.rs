#![doc = include_str!("../README.md")]

mod budget;
mod chunker;
mod compaction;
mod counter;
mod encodings;
mod planner;
mod segments;

pub use budget::{
    Budget, FILLER, FILLER_TOKENS, MESSAGE_OVERHEAD, ObviouslyTooLong, REPLY_PRIMER,
    SUMMARY_HEADING, SummaryExtent, TooLong, with_overhead,
};
pub use chunker::{Chunks, chunks};
pub use compaction::CompactionScan;
pub use counter::{TokenCounter, obviously_exceeds, window_of};
pub use planner::{ContextPlan, ContextPlanner};
