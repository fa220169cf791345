//! Requests to the model: bounds on answers, and requests that the server makes in the background.

pub(crate) mod answer_bounds;
pub(crate) mod background_request;
