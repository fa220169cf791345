use crate::error::api_error::ApiError;

/// A page's size, from what was asked for.
pub(crate) fn page_size(asked: Option<u32>, default: u32, most: u32) -> Result<u32, ApiError> {
    let size = asked.unwrap_or(default);
    if (1..=most).contains(&size) {
        return Ok(size);
    }
    Err(ApiError::InvalidRequest(format!("`limit` must be between 1 and {most}.")))
}
