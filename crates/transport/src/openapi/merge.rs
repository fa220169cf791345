//! Merges the OpenAPI documents of several route files.

use utoipa::openapi::{Info, OpenApi, Paths};

pub(crate) fn merge(docs: &[fn() -> OpenApi]) -> OpenApi {
    let empty = OpenApi::new(Info::new("", ""), Paths::new());
    docs.iter().fold(empty, |merged, doc| merged.merge_from(doc()))
}
