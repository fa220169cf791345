//! Conditional requests: <https://www.rfc-editor.org/rfc/rfc9110#section-13>.

use actix_web::http::header::{
    ETAG, EntityTag, Header, IF_MATCH, IF_NONE_MATCH, IfMatch, IfNoneMatch,
};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::IntoParams;
use webchat_chat::ChatError;

use crate::error::api_error::ApiError;

/// The header that makes a read conditional.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "used for the OpenAPI document only: actix reads the header")]
pub(crate) struct IfNoneMatchParam {
    /// The `ETag` of the client's copy. If it is still current, the status is 304.
    #[param(rename = "If-None-Match")]
    if_none_match: Option<String>,
}

/// The header that makes a change conditional.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "used for the OpenAPI document only: actix reads the header")]
pub(crate) struct IfMatchParam {
    /// The `ETag` of the client's copy. If the resource has changed since, the status is 412.
    #[param(rename = "If-Match")]
    if_match: Option<String>,
}

/// Derives the tag from the resource's JSON: it changes whenever the JSON does.
fn entity_tag(resource: &impl Serialize) -> Result<EntityTag, ApiError> {
    let json = serde_json::to_vec(resource).map_err(ApiError::internal)?;
    Ok(tag_of_hash(&Sha256::digest(json)))
}

/// Returns the tag of content with this SHA-256 hash.
pub(crate) fn tag_of_hash(hash: &[u8]) -> EntityTag {
    let hex = hash.iter().take(16).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    EntityTag::new_strong(hex)
}

/// Responds with the resource and its `ETag`, or with 304 if the client's copy is up to date.
pub(crate) fn respond(
    request: &HttpRequest,
    resource: &impl Serialize,
) -> Result<HttpResponse, ApiError> {
    let tag = entity_tag(resource)?;
    let header = (ETAG, tag.to_string());
    if request.method().is_safe() && matches_if_none_match(request, &tag) {
        return Ok(HttpResponse::NotModified().insert_header(header).finish());
    }
    Ok(HttpResponse::Ok().insert_header(header).json(resource))
}

/// Returns whether the request has an `If-Match`.
pub(crate) fn has_if_match(request: &HttpRequest) -> bool {
    request.headers().contains_key(IF_MATCH)
}

/// Checks `If-Match` against the current state of the resource.
///
/// # Errors
/// [`ChatError::RevisionConflict`] if the client's copy is out of date.
pub(crate) fn check_if_match(
    request: &HttpRequest,
    resource: &impl Serialize,
) -> Result<(), ApiError> {
    if !has_if_match(request) {
        return Ok(());
    }
    let tag = entity_tag(resource)?;
    match IfMatch::parse(request) {
        Ok(IfMatch::Any) => Ok(()),
        Ok(IfMatch::Items(tags)) if tags.iter().any(|known| known.strong_eq(&tag)) => Ok(()),
        // An invalid tag can't be the current one.
        Ok(IfMatch::Items(_)) | Err(_) => Err(ChatError::RevisionConflict.into()),
    }
}

fn matches_if_none_match(request: &HttpRequest, tag: &EntityTag) -> bool {
    // An invalid header is ignored.
    request.headers().contains_key(IF_NONE_MATCH)
        && match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(tag)),
            Err(_) => false,
        }
}
