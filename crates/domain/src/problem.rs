//! Problems that are reported to clients.

use serde::{Deserialize, Serialize};

/// The reason why an answer or a file analysis failed or is incomplete.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What went wrong and, if possible, what the user can do.
    pub message: String,
    /// A stable, machine-readable code.
    pub code: String,
}
