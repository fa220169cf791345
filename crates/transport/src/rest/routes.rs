use actix_web::http::header::CACHE_CONTROL;
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, ServiceConfig};

use super::context::settings as context;
use super::transfer::{export, imports};
use super::turns::send as turns;
use super::{config, conversations, files, messages, search, versions};
use crate::error::api_error::ApiError;

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
