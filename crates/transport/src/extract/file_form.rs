//! A multipart form with a file, read as a stream.

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use futures_util::{Stream, StreamExt, TryStreamExt};
use utoipa::ToSchema;

use crate::error::api_error::ApiError;
use crate::headers::content_length;

/// The maximum size of a form without its file, in bytes.
const FORM_OVERHEAD: u64 = 64 * 1024;

/// A form with one file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "used for the OpenAPI document only: the form is read as a stream")]
pub(crate) struct UploadedFile {
    /// The file.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    file: Vec<u8>,
}

/// A form that is read as a stream. Fields that are not named `file` are skipped.
pub(crate) struct FileForm(Multipart);

/// The reason why a form could not be read.
pub(crate) enum FormError {
    /// The body exceeds the maximum size of the file plus [`FORM_OVERHEAD`].
    TooLarge,
    Other(ApiError),
}

impl FileForm {
    /// Creates a reader for a form whose file may have at most `max_file_bytes`.
    ///
    /// # Errors
    /// [`FormError::TooLarge`] if the declared length of the body is too large.
    pub(crate) fn new(
        request: &HttpRequest,
        body: Payload,
        max_file_bytes: u64,
    ) -> Result<Self, FormError> {
        let max_bytes = max_file_bytes.saturating_add(FORM_OVERHEAD);
        if content_length(request.headers()).is_some_and(|bytes| bytes > max_bytes) {
            return Err(FormError::TooLarge);
        }
        Ok(Self(Multipart::new(request.headers(), limited(body, max_bytes))))
    }

    /// Returns the next field `file`, or `None` at the end of the form.
    pub(crate) async fn next_file(&mut self) -> Result<Option<Field>, FormError> {
        while let Some(mut field) = self.0.try_next().await? {
            if field.name() == Some("file") {
                return Ok(Some(field));
            }
            while field.try_next().await?.is_some() {}
        }
        Ok(None)
    }
}

impl FormError {
    /// Converts the error into an [`ApiError`]. [`FormError::TooLarge`] becomes `too_large`.
    pub(crate) fn into_api_error(self, too_large: impl Into<ApiError>) -> ApiError {
        match self {
            Self::TooLarge => too_large.into(),
            Self::Other(error) => error,
        }
    }
}

impl From<MultipartError> for FormError {
    fn from(error: MultipartError) -> Self {
        match error {
            MultipartError::Payload(PayloadError::Overflow) => Self::TooLarge,
            error => Self::Other(error.into()),
        }
    }
}

impl From<ApiError> for FormError {
    fn from(error: ApiError) -> Self {
        Self::Other(error)
    }
}

/// Returns the body as a stream that fails after `max_bytes`.
fn limited(
    body: Payload,
    max_bytes: u64,
) -> impl Stream<Item = Result<Bytes, PayloadError>> + 'static {
    let mut remaining = max_bytes;
    body.map(move |chunk| {
        let chunk = chunk?;
        let bytes = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        remaining = remaining.checked_sub(bytes).ok_or(PayloadError::Overflow)?;
        Ok(chunk)
    })
}
