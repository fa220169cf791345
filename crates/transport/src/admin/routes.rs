//! All routes of the admin area, and their description.

use actix_web::web::ServiceConfig;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use super::{
    audit, conversations, erasures, groups, keys, password, server, sessions, user, users,
};
use crate::openapi::merge::merge;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .configure(users::routes)
        .configure(user::routes)
        .configure(password::routes)
        .configure(sessions::routes)
        .configure(keys::routes)
        .configure(groups::routes)
        .configure(conversations::routes)
        .configure(erasures::routes)
        .configure(audit::routes)
        .configure(server::settings::routes)
        .configure(server::models::routes);
}

/// Returns the description of all routes, with paths relative to that of REST v1.
pub(crate) fn api_doc() -> OpenApi {
    merge(&[
        users::ApiDoc::openapi,
        user::ApiDoc::openapi,
        password::ApiDoc::openapi,
        sessions::ApiDoc::openapi,
        keys::ApiDoc::openapi,
        groups::ApiDoc::openapi,
        conversations::ApiDoc::openapi,
        erasures::ApiDoc::openapi,
        audit::ApiDoc::openapi,
        server::settings::ApiDoc::openapi,
        server::models::ApiDoc::openapi,
    ])
}
