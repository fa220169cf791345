//! The decisions that every store must make alike, as pure functions over loaded state.
//!
//! An adapter loads the state, asks a rule, and writes the result. It holds queries and mapping, no policy.

mod append;
mod continuation;
mod conversation;
mod edit;
mod file_jobs;
mod lease;
mod message;
mod page;
mod path;
mod save_answer;
mod select;
mod summary;
mod turn_log;

pub use append::{AppendEffect, AppendState, check_append};
pub use continuation::{check_continuation, continued_answer};
pub use conversation::new_conversation;
pub use edit::{apply_edit, check_edit};
pub use file_jobs::{CANCELLABLE, RETRYABLE, failed_jobs_to_keep};
pub use lease::running_turn;
pub use message::{Placement, build_message, build_messages};
pub use page::build_page;
pub use path::{HiddenMessages, NewPath, PathChange, PathNode, newest_descendants};
pub use save_answer::{can_save_answer, token_difference};
pub use select::check_select;
pub use summary::is_summary_kept;
pub use turn_log::{DEDUPLICATION_WINDOW, KEPT_EVENTS, TurnBoundary, turn_boundary};
