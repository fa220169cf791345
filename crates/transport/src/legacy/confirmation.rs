//! The response of routes that return nothing but a message.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = Done)]
pub(super) struct Confirmation {
    pub(super) message: &'static str,
}
