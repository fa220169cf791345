//! The decisions that must be the same in every store, as pure functions over loaded state.
//!
//! An adapter loads the state, applies a rule, and writes the result. It contains queries and mapping, no policy.

mod accounts;
mod add;
mod author;
mod context;
mod conversation;
mod edit;
mod file_jobs;
mod foreign_time;
mod message;
mod names;
mod page;
mod turn_log;
mod turns;
mod versions;

pub use accounts::{AccountConflict, disable_for_erasure, may_remove_admin, update_account};
pub use add::add_messages;
pub use author::{ForeignAuthor, foreign_author};
pub use context::{is_summary_kept, next_revision};
pub use conversation::{ConversationState, ITEM_OVERHEAD_BYTES, new_conversation, reset};
pub use edit::{apply_edit, check_edit};
pub use file_jobs::{
    CreateJobState, add_job, can_be_leased, cancel_job, check_create_job, complete_job, fail_job,
    failed_jobs_to_keep, keeps_analyses, keeps_text, record_part, rerun_job, starts_anew,
};
pub use foreign_time::{foreign_time, foreign_time_of_number};
pub use names::StoredName;
pub use page::{MAX_PAGE_BYTES, MessagePage, build_page, is_full_page, items_to_read};
pub use turn_log::{
    DEDUPLICATION_WINDOW, KEPT_EVENTS, MAX_APPENDED_EVENTS, TurnBoundary, turn_boundary,
};
pub use turns::{
    AppendState, Counterpart, SavedAnswer, append_messages, check_append, check_continuation,
    continue_answer, counterpart, question_and_answer, save_answer,
};
pub use versions::{HiddenMessages, NewPath, PathNode, check_select, move_head, show_path};
