//! The OpenAPI 3.1 document of the API.

pub(crate) mod document;
pub(crate) mod merge;
pub(crate) mod responses;
