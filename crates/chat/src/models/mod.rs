//! The models, and requests to them: bounds on answers, token budgets, and background requests.

pub(crate) mod answer_bounds;
pub(crate) mod background_request;
mod choice;
pub(crate) mod filter_metrics;
pub(crate) mod reasoning;
pub(crate) mod registry;
pub(crate) mod request_error;
pub(crate) mod request_metrics;
pub(crate) mod token_budget;
