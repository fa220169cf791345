//! Extractors of data from requests: session, body, parameters, headers and files.

pub(crate) mod accept;
pub(crate) mod access;
pub(crate) mod actor;
pub(crate) mod body;
pub(crate) mod change;
pub(crate) mod client_address;
pub(crate) mod credential;
pub(crate) mod etag;
pub(crate) mod file_form;
pub(crate) mod idempotency_key;
pub(crate) mod json_text;
pub(crate) mod multipart;
pub(crate) mod new_users;
pub(crate) mod pending_sign_ins;
pub(crate) mod query;
pub(crate) mod session;
pub(crate) mod upload;
