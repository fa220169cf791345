//! Requests to the model that the server makes in the background.

pub(crate) mod background_request;
