//! Rules for making another version visible.

mod path;
mod select;

pub use path::{HiddenMessages, NewPath, PathNode, move_head, show_path};
pub use select::check_select;
