//! Merges the descriptions of several files of routes.

use utoipa::openapi::{Info, OpenApi, Paths};

pub(crate) fn merge(docs: impl IntoIterator<Item = OpenApi>) -> OpenApi {
    docs.into_iter().fold(OpenApi::new(Info::new("", ""), Paths::new()), OpenApi::merge_from)
}
