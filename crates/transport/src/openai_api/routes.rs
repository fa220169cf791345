//! The routes of the OpenAI-compatible API, and their description.

use actix_web::web::{self, ServiceConfig};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use super::{PREFIX, completions, models};
use crate::error::api_error::ApiError;
use crate::openapi::merge::merge;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::scope(PREFIX)
            .configure(models::routes)
            .configure(completions::routes)
            .default_service(web::to(async || Err::<(), _>(ApiError::NotFound))),
    );
}

/// Returns the description of the routes, with paths relative to [`PREFIX`].
pub(crate) fn api_doc() -> OpenApi {
    merge(&[models::ApiDoc::openapi, completions::ApiDoc::openapi])
}
