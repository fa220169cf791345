//! Requests to the model that the server makes on its own behalf.

pub(crate) mod background_request;
