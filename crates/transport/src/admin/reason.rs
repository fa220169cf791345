//! The reason for an access to somebody else's conversations.

use serde::Deserialize;
use utoipa::ToSchema;
use webchat_domain::AuditReason;

use crate::error::api_error::ApiError;

/// Shorter texts are no reasons.
const MIN_REASON_CHARS: usize = 10;

/// Why somebody reads the conversations of somebody else. The audit log keeps it.
#[derive(Deserialize, ToSchema)]
#[schema(value_type = String, min_length = 10, max_length = 500, examples("Request 4711 of the data protection officer"))]
pub(super) struct Reason(AuditReason);

impl Reason {
    /// Returns the reason for the audit log.
    ///
    /// # Errors
    /// [`ApiError::InvalidValue`] if it is too short.
    pub(super) fn checked(self) -> Result<AuditReason, ApiError> {
        if self.0.as_str().chars().count() < MIN_REASON_CHARS {
            let text = format!("The reason must have at least {MIN_REASON_CHARS} characters.");
            return Err(ApiError::InvalidValue(text));
        }
        Ok(self.0)
    }
}

/// The body of a request that needs only a reason.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AdminReason)]
pub(super) struct ReasonBody {
    pub(super) reason: Reason,
}
