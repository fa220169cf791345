//! What a client knows of a resource: <https://www.rfc-editor.org/rfc/rfc9110#section-13>.

use actix_web::http::header::{
    ETAG, EntityTag, Header, IF_MATCH, IF_NONE_MATCH, IfMatch, IfNoneMatch,
};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::IntoParams;
use webchat_chat::ChatError;

use crate::error::api_error::ApiError;

/// How a read may be conditional.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only described: actix reads the header")]
pub(crate) struct UnlessKnown {
    /// The `ETag` of what is there already.
    #[param(rename = "If-None-Match")]
    if_none_match: Option<String>,
}

/// How a change may be conditional.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only described: actix reads the header")]
pub(crate) struct IfUnchanged {
    /// The `ETag` that it must still have.
    #[param(rename = "If-Match")]
    if_match: Option<String>,
}

/// The tag of a resource that is represented so: another one whenever the JSON is another.
pub(crate) fn of(resource: &impl Serialize) -> Result<EntityTag, ApiError> {
    let json = serde_json::to_vec(resource).map_err(|_| ApiError::Internal)?;
    let digest = Sha256::digest(json);
    let hex = digest.iter().take(16).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    Ok(EntityTag::new_strong(hex))
}

/// Answers with the resource and its tag, or that the client has it already.
pub(crate) fn answer(
    request: &HttpRequest,
    resource: &impl Serialize,
) -> Result<HttpResponse, ApiError> {
    let tag = of(resource)?;
    let header = (ETAG, tag.to_string());
    if request.method().is_safe() && is_known(request, &tag) {
        return Ok(HttpResponse::NotModified().insert_header(header).finish());
    }
    Ok(HttpResponse::Ok().insert_header(header).json(resource))
}

/// Whether the client names the state that it wants to change.
pub(crate) fn is_conditional(request: &HttpRequest) -> bool {
    request.headers().contains_key(IF_MATCH)
}

/// Refuses to change what is not as the client knows it.
pub(crate) fn check(request: &HttpRequest, resource: &impl Serialize) -> Result<(), ApiError> {
    if !is_conditional(request) {
        return Ok(());
    }
    let tag = of(resource)?;
    match IfMatch::parse(request) {
        Ok(IfMatch::Any) => Ok(()),
        Ok(IfMatch::Items(tags)) if tags.iter().any(|known| known.strong_eq(&tag)) => Ok(()),
        // What is no tag is none of ours.
        Ok(IfMatch::Items(_)) | Err(_) => Err(ChatError::PreconditionFailed.into()),
    }
}

fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    // Whoever sends what is no tag has nothing.
    request.headers().contains_key(IF_NONE_MATCH)
        && match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(tag)),
            Err(_) => false,
        }
}
