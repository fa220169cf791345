//! Converts rows to domain types and back.

mod column;
mod conversation;
mod file_job;
mod message;

pub(crate) use column::{invalid, parsed, parsed_option, timestamp, timestamp_option};
pub(crate) use conversation::{CONVERSATION, conversation, find_conversation, title};
pub(crate) use file_job::{
    JOB, find_text, insert_analysis, insert_job, insert_text, job, job_status_name, put_job,
    stored_jobs,
};
pub(crate) use message::{MESSAGE, find_message, insert_message, message, role, status_name};
