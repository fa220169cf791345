//! The description of the API as OpenAPI 3.1.

pub(crate) mod document;
pub(crate) mod merge;
pub(crate) mod responses;
