//! A multipart form with a file, read as a stream.

use std::borrow::Cow;

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::http::header::HeaderValue;
use actix_web::web::{Bytes, Payload};
use futures_util::{Stream, StreamExt, stream};
use utoipa::ToSchema;

use super::multipart::file_name::file_name;
use super::multipart::parameters::Parameters;
use super::multipart::reader::{FORM, Multipart, MultipartError, PartHeaders};
use crate::error::api_error::ApiError;
use crate::headers::{content_length, single_value};

/// The maximum size of a form without its file, in bytes.
const FORM_OVERHEAD: u64 = 64 * 1024;

pub(super) const SEVERAL_FILES: &str = "The form has several fields named `file`. Send only one.";

const NESTED: &str = "The field `file` must contain one file, not another form.";

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

/// The headers of a field with a file.
pub(crate) struct FilePart {
    /// The file's name, if the client sent one.
    pub(crate) name: Option<String>,
    /// The label of the content's encoding, if the client sent one.
    pub(crate) charset: Option<String>,
}

/// The reason why a form could not be read.
pub(crate) enum FormError {
    /// The body exceeds the maximum size of the file plus [`FORM_OVERHEAD`].
    TooLarge,
    Other(ApiError),
}

/// Returns whether the body of the request is declared as a form.
///
/// # Errors
/// [`ApiError::InvalidRequest`] if the type of the body is ambiguous.
pub(crate) fn is_form(request: &HttpRequest) -> Result<bool, ApiError> {
    Ok(Parameters::parse(content_type(request)?).kind == FORM)
}

fn content_type(request: &HttpRequest) -> Result<&[u8], ApiError> {
    let content_type = single_value(request.headers(), "Content-Type")?;
    Ok(content_type.map(HeaderValue::as_bytes).unwrap_or_default())
}

impl FileForm {
    /// Creates a reader for a form whose file may have at most `max_file_bytes`.
    ///
    /// # Errors
    /// [`FormError::TooLarge`] if the declared length of the body is too large, or [`FormError::Other`] if the body is
    /// not declared as a form.
    pub(crate) fn new(
        request: &HttpRequest,
        body: Payload,
        max_file_bytes: u64,
    ) -> Result<Self, FormError> {
        let max_bytes = max_file_bytes.saturating_add(FORM_OVERHEAD);
        if content_length(request.headers()).is_some_and(|bytes| bytes > max_bytes) {
            return Err(FormError::TooLarge);
        }
        Ok(Self(Multipart::new(content_type(request)?, limited(body, max_bytes))?))
    }

    /// Returns the next field `file`, or `None` at the end of the form.
    pub(crate) async fn next_file(&mut self) -> Result<Option<FilePart>, FormError> {
        while let Some(headers) = self.0.next_part().await? {
            let disposition =
                Parameters::parse(headers.get("content-disposition").unwrap_or_default());
            if disposition.get("name") == Some(b"file") {
                check_transfer_encoding(&headers)?;
                let content_type =
                    Parameters::parse(headers.get("content-type").unwrap_or_default());
                if content_type.kind.starts_with("multipart/") {
                    return Err(ApiError::InvalidRequest(NESTED.to_owned()).into());
                }
                let charset = content_type.get("charset").map(String::from_utf8_lossy);
                let charset = charset.map(Cow::into_owned);
                return Ok(Some(FilePart { name: file_name(&disposition), charset }));
            }
        }
        Ok(None)
    }

    /// Returns the next bytes of the current field, or `None` at its end.
    pub(crate) async fn next_chunk(&mut self) -> Result<Option<Bytes>, FormError> {
        Ok(self.0.next_chunk().await?)
    }

    /// Returns the content of the current field as a stream, which fails if the form has another file.
    pub(crate) fn into_content(self) -> impl Stream<Item = Result<Bytes, FormError>> {
        stream::try_unfold(self, |mut form| async move {
            match form.next_chunk().await? {
                Some(chunk) => Ok(Some((chunk, form))),
                None if form.next_file().await?.is_some() => {
                    Err(ApiError::InvalidRequest(SEVERAL_FILES.to_owned()).into())
                }
                None => Ok(None),
            }
        })
    }
}

/// Rejects a file that is encoded as for mail, which RFC 7578 forbids.
fn check_transfer_encoding(headers: &PartHeaders) -> Result<(), ApiError> {
    const PLAIN: [&str; 3] = ["7bit", "8bit", "binary"];

    let encoding =
        headers.get("content-transfer-encoding").unwrap_or_default().to_ascii_lowercase();
    if encoding.is_empty() || PLAIN.iter().any(|plain| plain.as_bytes() == encoding) {
        return Ok(());
    }
    let message =
        "The file must not have a `Content-Transfer-Encoding`, such as base64. Send it as it is.";
    Err(ApiError::InvalidRequest(message.to_owned()))
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
