//! Conditional requests: <https://www.rfc-editor.org/rfc/rfc9110#section-13>.

use actix_web::http::header::{ETAG, EntityTag, HeaderName, IF_MATCH, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::IntoParams;
use webchat_chat::ChatError;

use crate::error::api_error::ApiError;

/// The header that makes a read conditional.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "used for the OpenAPI document only: other functions read the header")]
pub(crate) struct IfNoneMatchParam {
    /// The `ETag` of the client's copy. If it is still current, the status is 304.
    #[param(rename = "If-None-Match")]
    if_none_match: Option<String>,
}

/// The header that makes a change conditional.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "used for the OpenAPI document only: other functions read the header")]
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

/// Checks `If-Match` against the resource that `load` returns, and returns its revision: the change must fail if the
/// resource has another revision by then. Without `If-Match`, loads nothing and returns `None`.
///
/// # Errors
/// Those of `load`, and [`ChatError::RevisionConflict`] if the client's copy is out of date.
pub(crate) async fn check_if_match<R>(
    request: &HttpRequest,
    load: impl Future<Output = Result<(impl Serialize, R), ApiError>>,
) -> Result<Option<R>, ApiError> {
    if !request.headers().contains_key(IF_MATCH) {
        return Ok(None);
    }
    let (resource, revision) = load.await?;
    if names_tag(request, &IF_MATCH, &entity_tag(&resource)?) {
        return Ok(Some(revision));
    }
    Err(ChatError::RevisionConflict.into())
}

/// Returns whether the client's copy, with one of the tags in `If-None-Match`, is current.
pub(crate) fn matches_if_none_match(request: &HttpRequest, tag: &EntityTag) -> bool {
    names_tag(request, &IF_NONE_MATCH, tag)
}

/// Returns whether a header with a list of tags contains this one, or `*`.
fn names_tag(request: &HttpRequest, header: &HeaderName, tag: &EntityTag) -> bool {
    let values = request.headers().get_all(header);
    let mut items = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    items.any(|item| {
        let item = item.trim_ascii();
        item == b"*" || is_tag(item, tag.tag().as_bytes())
    })
}

/// Returns whether the item is the tag, as clients and proxies change it: without quotes, or, by a proxy that
/// compresses the response, marked as weak or with the name of the encoding (`-gzip`, `;br`). All of these mean the
/// same resource, so `If-Match` accepts them, too.
fn is_tag(item: &[u8], tag: &[u8]) -> bool {
    let item = item.strip_prefix(b"W/").or_else(|| item.strip_prefix(b"w/")).unwrap_or(item);
    let item = item.strip_prefix(b"\"").unwrap_or(item);
    let suffix = item.strip_prefix(tag);
    suffix.is_some_and(|suffix| suffix.first().is_none_or(|byte| !byte.is_ascii_alphanumeric()))
}
