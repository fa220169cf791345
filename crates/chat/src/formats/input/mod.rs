//! Reads the JSON documents of an import file: decodes the text, unpacks archives, repairs small faults, and splits
//! lists into elements, so that a fault in one element does not affect the others.

pub(super) mod archive;
mod comment;
mod decoder;
mod elements;
mod json_lines;
mod pick;
mod repair;
mod repairer;
pub(super) mod signature;
mod token;

pub(super) use elements::Document;
pub(super) use pick::{Any, PickAll, PickMessage, Shape};
