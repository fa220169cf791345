//! Requests to the model: bounds on answers, budgets of tokens, and requests that the server makes in the background.

pub(crate) mod answer_bounds;
pub(crate) mod background_request;
pub(crate) mod reasoning;
pub(crate) mod request_error;
pub(crate) mod request_metrics;
pub(crate) mod token_budget;
