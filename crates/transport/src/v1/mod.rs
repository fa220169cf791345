//! REST v1, for programs and for the page.

pub(crate) mod config;
pub(crate) mod context;
pub(crate) mod conversations;
pub(crate) mod export;
pub(crate) mod files;
pub(crate) mod imports;
pub(crate) mod messages;
pub(crate) mod search;
pub(crate) mod turns;
pub(crate) mod versions;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, ServiceConfig};

use crate::ApiError;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::scope("")
            .wrap(DefaultHeaders::new().add((CACHE_CONTROL, "no-store")))
            .service(web::resource("/config").route(web::get().to(config::read)))
            .configure(conversations::routes)
            .configure(messages::routes)
            .configure(turns::routes)
            .configure(versions::routes)
            .configure(context::routes)
            .configure(files::routes)
            .configure(search::routes)
            .configure(export::routes)
            .configure(imports::routes)
            .default_service(web::to(async || Err::<(), _>(ApiError::NotFound))),
    );
}
