//! Versions of messages, and which path is visible.

mod node;
mod path;
mod select;
mod summary;

pub(super) use self::node::{Node, find_node, head_position};
pub(super) use self::path::show_path;
pub(super) use self::select::select;
pub(super) use self::summary::invalidate_summary_from;
