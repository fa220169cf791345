//! Writes an uploaded import file to a temporary file, because it may be larger than memory.

use std::future::ready;

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::web::{self, Bytes, Payload};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use crate::error::api_error::ApiError;
use crate::extract::file_form::{FileForm, FormError, is_form};
use crate::headers::content_length;
use crate::middleware::body_limits::BodyLimits;

/// A file whose upload has begun.
pub(super) enum ImportFile {
    /// The file is the request body, which begins with these bytes.
    Body(Bytes, Payload),
    /// The file is the current field of a form.
    Form(Box<FileForm>),
}

impl ImportFile {
    /// Waits for the beginning of the file of at most `max_bytes`, either as the body itself or in a form.
    pub(super) async fn begin(
        request: &HttpRequest,
        body: Payload,
        max_bytes: u64,
    ) -> Result<Self, ApiError> {
        BodyLimits::of(request)?.expect_file_on_disk(max_bytes);
        if is_form(request)? {
            let form = begin_form(request, body, max_bytes).await;
            return form.map_err(|error| error.into_api_error(ApiError::PayloadTooLarge));
        }
        if content_length(request.headers()).is_some_and(|bytes| bytes > max_bytes) {
            return Err(ApiError::PayloadTooLarge);
        }
        begin_body(body).await
    }

    /// Receives the file.
    pub(super) async fn receive(self, max_bytes: u64) -> Result<File, ApiError> {
        let received = match self {
            Self::Body(beginning, rest) => {
                let beginning = stream::once(ready(Ok(beginning)));
                write(beginning.chain(rest.map_err(|error| invalid(&error))), max_bytes).await
            }
            Self::Form(form) => write(form.into_content(), max_bytes).await,
        };
        received.map_err(|error| error.into_api_error(ApiError::PayloadTooLarge))
    }
}

async fn begin_body(mut body: Payload) -> Result<ImportFile, ApiError> {
    while let Some(chunk) = body.try_next().await.map_err(|error| invalid(&error))? {
        if !chunk.is_empty() {
            return Ok(ImportFile::Body(chunk, body));
        }
    }
    Err(empty_file())
}

async fn begin_form(
    request: &HttpRequest,
    body: Payload,
    max_bytes: u64,
) -> Result<ImportFile, FormError> {
    let mut form = FileForm::new(request, body, max_bytes)?;
    match form.next_file().await? {
        Some(_) => Ok(ImportFile::Form(Box::new(form))),
        None => Err(ApiError::InvalidRequest(
            "The form has no file. Send it in a field named `file`.".to_owned(),
        )
        .into()),
    }
}

fn invalid(error: &PayloadError) -> ApiError {
    ApiError::InvalidRequest(error.to_string())
}

/// Writes `content` to an unnamed file, which the system deletes when it is closed.
async fn write<E>(
    content: impl Stream<Item = Result<Bytes, E>>,
    max_bytes: u64,
) -> Result<File, FormError>
where
    FormError: From<E>,
{
    let file = web::block(tempfile::tempfile).await.map_err(ApiError::internal)?;
    let mut file = File::from_std(file.map_err(ApiError::internal)?);
    let (mut remaining, mut is_blank) = (max_bytes, true);
    tokio::pin!(content);
    while let Some(chunk) = content.try_next().await? {
        let bytes = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        remaining = remaining.checked_sub(bytes).ok_or(FormError::TooLarge)?;
        is_blank = is_blank && chunk.trim_ascii().is_empty();
        file.write_all(&chunk).await.map_err(ApiError::internal)?;
    }
    if is_blank {
        return Err(empty_file().into());
    }
    file.flush().await.map_err(ApiError::internal)?;
    Ok(file)
}

fn empty_file() -> ApiError {
    ApiError::InvalidRequest("The file is empty.".to_owned())
}
