//! Converts rows to domain types and back.

mod columns;
mod conversation;
mod file_job;
mod message;

pub(crate) use columns::{Columns, invalid, read};
pub(crate) use conversation::{
    CONVERSATION_COLUMNS, NO_OWNER, conversation, find_conversation, find_state, find_state_by_id,
    insert_state, update_state,
};
pub(crate) use file_job::{
    JOB, find_text, has_text, insert_analysis, insert_job, insert_text, job, put_job, stored_jobs,
    update_job,
};
pub(crate) use message::{
    MESSAGE, STORED_MESSAGE, find_message, insert_message, message, message_page, stored_message,
};
