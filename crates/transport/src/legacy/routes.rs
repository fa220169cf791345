//! All routes of the Flask application, and their description.

use actix_web::web::ServiceConfig;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use super::{config, conversations, few_shot_examples, files, history, search};
use crate::openapi::merge::merge;

pub(crate) fn routes(service_config: &mut ServiceConfig) {
    service_config
        .configure(conversations::routes)
        .configure(history::routes)
        .configure(search::routes)
        .configure(few_shot_examples::routes)
        .configure(files::routes)
        .configure(config::routes);
}

pub(crate) fn api_doc() -> OpenApi {
    merge(&[
        conversations::ApiDoc::openapi,
        history::ApiDoc::openapi,
        search::ApiDoc::openapi,
        few_shot_examples::ApiDoc::openapi,
        files::ApiDoc::openapi,
        config::ApiDoc::openapi,
    ])
}
