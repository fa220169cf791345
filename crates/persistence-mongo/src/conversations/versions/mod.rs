//! The versions of messages, one of which is visible.

mod node;
mod path;
mod select;
mod summary;

pub(super) use self::node::{Node, find_node, head_position};
pub(super) use self::path::show;
pub(super) use self::select::select;
pub(super) use self::summary::drop_summary_from;
