//! A file to analyse, uploaded as a multipart form and kept in memory.

pub(crate) mod limits;

use actix_web::HttpRequest;
use actix_web::web::Payload;
use webchat_chat::{Chat, ChatError, Upload};
use webchat_domain::{Caller, FileName};

use self::limits::UploadLimits;
use super::file_form::{FileForm, FormError, SEVERAL_FILES};
use crate::error::api_error::ApiError;
use crate::middleware::body_limits::BodyLimits;
use crate::middleware::body_limits::memory::BodyMemory;

const NO_FILE: &str = "The form has no file. Send it in a field named `file`.";

const NO_NAME: &str = "The field `file` has no file name, so it contains no file.";

/// Reads the form's only field `file`. Checks the file's name before it reads the content. Keep the
/// [`BodyMemory`] as long as the file.
pub(crate) async fn read(
    request: &HttpRequest,
    body: Payload,
    caller: Caller,
    chat: &Chat,
) -> Result<(Upload, BodyMemory), ApiError> {
    let _permit = UploadLimits::of(request)?.acquire(caller)?;
    let max_bytes = chat.settings().files.max_bytes;
    let body_limits = BodyLimits::of(request)?;
    body_limits.expect_file_in_memory(u64::try_from(max_bytes).unwrap_or(u64::MAX));
    let upload = read_form(request, body, chat, max_bytes)
        .await
        .map_err(|error| error.into_api_error(ChatError::FileTooLarge { max_bytes }))?;
    Ok((upload, body_limits.take_memory()))
}

async fn read_form(
    request: &HttpRequest,
    body: Payload,
    chat: &Chat,
    max_bytes: usize,
) -> Result<Upload, FormError> {
    let max_bytes = u64::try_from(max_bytes).unwrap_or(u64::MAX);
    let mut form = FileForm::new(request, body, max_bytes)?;
    let mut upload = None;
    while let Some(part) = form.next_file().await? {
        let name = part.name.ok_or_else(|| invalid(NO_NAME))?;
        if name.is_empty() {
            return Err(invalid(NO_FILE).into());
        }
        let name = FileName::from(name);
        chat.files.check_file_name(&name).map_err(ApiError::from)?;
        let content = content(&mut form).await?;
        if upload.replace(Upload { name, content, charset: part.charset }).is_some() {
            return Err(invalid(SEVERAL_FILES).into());
        }
    }
    upload.ok_or_else(|| invalid(NO_FILE).into())
}

fn invalid(message: &str) -> ApiError {
    ApiError::InvalidRequest(message.to_owned())
}

async fn content(form: &mut FileForm) -> Result<Vec<u8>, FormError> {
    let mut content = Vec::new();
    while let Some(chunk) = form.next_chunk().await? {
        content.extend_from_slice(&chunk);
    }
    Ok(content)
}
