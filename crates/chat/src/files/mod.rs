//! Files: their upload, and their analysis in the background.

pub(crate) mod analyser;
mod dispatcher;
mod parts;
mod retry;
pub(crate) mod service;
mod text;
mod work;
mod worker;
