//! The size of a page of results.

use crate::error::api_error::ApiError;

/// Returns the requested page size, or `default` if none was requested.
///
/// # Errors
/// [`ApiError::InvalidRequest`] if the size is 0 or more than `max`.
pub(crate) fn page_size(requested: Option<u32>, default: u32, max: u32) -> Result<u32, ApiError> {
    let size = requested.unwrap_or(default);
    if (1..=max).contains(&size) {
        return Ok(size);
    }
    Err(ApiError::InvalidRequest(format!("`limit` must be between 1 and {max}.")))
}
