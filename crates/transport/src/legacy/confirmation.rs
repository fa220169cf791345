//! The response body of routes that only confirm success.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = Done)]
pub(super) struct Confirmation {
    pub(super) message: &'static str,
}
