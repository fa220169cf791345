//! All routes of REST v1, and their description. Each route file declares its paths as constants, which its
//! `routes` and its `utoipa::path` attributes share.

use actix_web::web::{self, ServiceConfig};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use super::context::{few_shot_examples, settings, summary};
use super::transfer::{erasure, export, imports, save};
use super::turns::{events, send, stop};
use super::{
    accounts, api_keys, config, conversations, files, identity_providers, messages, search,
    sessions, sign_up, user_settings, versions,
};
use crate::error::api_error::ApiError;
use crate::openapi::merge::merge;

pub(crate) const PREFIX: &str = "/api/v1";

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::scope("")
            .configure(config::routes)
            .configure(accounts::routes)
            .configure(sessions::routes)
            .configure(sign_up::routes)
            .configure(identity_providers::routes)
            .configure(api_keys::routes)
            .configure(conversations::routes)
            .configure(messages::routes)
            .configure(stop::routes)
            .configure(events::routes)
            .configure(versions::routes)
            .configure(settings::routes)
            .configure(user_settings::routes)
            .configure(summary::routes)
            .configure(few_shot_examples::routes)
            .configure(files::routes)
            .configure(search::routes)
            .configure(erasure::routes)
            .configure(export::routes)
            .configure(save::routes)
            .configure(imports::routes)
            .default_service(web::to(async || Err::<(), _>(ApiError::NotFound))),
    );
}

/// Returns the description of all routes, with paths relative to [`PREFIX`].
pub(crate) fn api_doc() -> OpenApi {
    merge(&[
        config::ApiDoc::openapi,
        accounts::ApiDoc::openapi,
        sessions::ApiDoc::openapi,
        sign_up::ApiDoc::openapi,
        identity_providers::ApiDoc::openapi,
        api_keys::ApiDoc::openapi,
        conversations::ApiDoc::openapi,
        messages::ApiDoc::openapi,
        send::ApiDoc::openapi,
        stop::ApiDoc::openapi,
        events::ApiDoc::openapi,
        settings::ApiDoc::openapi,
        user_settings::ApiDoc::openapi,
        summary::ApiDoc::openapi,
        few_shot_examples::ApiDoc::openapi,
        search::ApiDoc::openapi,
        versions::ApiDoc::openapi,
        files::ApiDoc::openapi,
        erasure::ApiDoc::openapi,
        export::ApiDoc::openapi,
        save::ApiDoc::openapi,
        imports::ApiDoc::openapi,
    ])
}
