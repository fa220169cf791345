//! Problems that are reported to clients.

use serde::{Deserialize, Serialize};

/// Why an answer or the analysis of a file failed or is incomplete.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A sentence for people, which says what they can do.
    pub message: String,
    /// A stable code for programs.
    pub code: String,
}
