//! A file that comes as a form. It is read as it comes, and no further than a file may be long.

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use futures_util::{Stream, StreamExt, TryStreamExt};
use webchat_chat::{Chat, ChatError, Upload};
use webchat_domain::FileName;

use crate::error::api_error::ApiError;
use crate::headers::announced_bytes;

/// What a form may have beside the file, in bytes.
const FORM_BYTES: usize = 64 * 1024;

/// The file in the form's one field `file`. Its name is looked at before it is read, and other fields
/// are passed over.
pub(crate) async fn read(
    request: &HttpRequest,
    body: Payload,
    chat: &Chat,
) -> Result<Upload, ApiError> {
    let most_bytes = chat.settings().files.max_bytes;
    let most_of_form = most_bytes.saturating_add(FORM_BYTES);
    let announced = announced_bytes(request.headers());
    if announced
        .is_some_and(|bytes| usize::try_from(bytes).map_or(true, |bytes| bytes > most_of_form))
    {
        return Err(ChatError::FileTooLarge { most_bytes }.into());
    }
    let mut form = Multipart::new(request.headers(), bounded(body, most_of_form));
    read_form(&mut form, chat).await.map_err(|error| match error {
        FormError::Form(MultipartError::Payload(PayloadError::Overflow)) => {
            ChatError::FileTooLarge { most_bytes }.into()
        }
        FormError::Form(error) => error.into(),
        FormError::Api(error) => error,
    })
}

enum FormError {
    Form(MultipartError),
    Api(ApiError),
}

impl From<MultipartError> for FormError {
    fn from(error: MultipartError) -> Self {
        Self::Form(error)
    }
}

impl From<ApiError> for FormError {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

async fn read_form(form: &mut Multipart, chat: &Chat) -> Result<Upload, FormError> {
    let mut upload = None;
    while let Some(mut field) = form.try_next().await? {
        if field.name() != Some("file") {
            while field.try_next().await?.is_some() {}
            continue;
        }
        let name = file_name(&field)?;
        chat.accept_file_name(&name).map_err(ApiError::from)?;
        let content = content(&mut field).await?;
        if upload.replace(Upload { name, content }).is_some() {
            return Err(refusal("The form has several fields `file`: one is expected.").into());
        }
    }
    upload.ok_or_else(|| refusal(NO_FILE).into())
}

const NO_FILE: &str = "The form has no file: a field `file` with a file is expected.";

fn refusal(message: &str) -> ApiError {
    ApiError::InvalidRequest(message.to_owned())
}

/// A browser sends an empty name where the user has chosen no file.
fn file_name(field: &Field) -> Result<FileName, ApiError> {
    let disposition = field.content_disposition();
    let given = disposition.and_then(|disposition| disposition.get_filename());
    let given = given.filter(|name| !name.is_empty()).ok_or_else(|| refusal(NO_FILE))?;
    Ok(FileName::from(given.to_owned()))
}

async fn content(field: &mut Field) -> Result<Vec<u8>, MultipartError> {
    let mut content = Vec::new();
    while let Some(chunk) = field.try_next().await? {
        content.extend_from_slice(&chunk);
    }
    Ok(content)
}

/// The body, which ends with an error where it is longer than it may be.
fn bounded(
    body: Payload,
    most_bytes: usize,
) -> impl Stream<Item = Result<Bytes, PayloadError>> + 'static {
    let mut left = most_bytes;
    body.map(move |chunk| {
        let chunk = chunk?;
        left = left.checked_sub(chunk.len()).ok_or(PayloadError::Overflow)?;
        Ok(chunk)
    })
}
