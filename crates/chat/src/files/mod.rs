//! Files: uploading them, and analysing them in the background.

pub(crate) mod analyzer;
mod parts;
pub(crate) mod service;
mod work;
mod worker;
