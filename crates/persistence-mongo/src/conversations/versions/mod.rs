//! The versions of messages: which of the messages with the same parent is visible.

mod node;
mod path;
mod select;
mod summary;

pub(super) use self::node::{Node, end_position, find_node};
pub(super) use self::path::{path_to, show};
pub(super) use self::select::select;
pub(super) use self::summary::drop_summary_from;
