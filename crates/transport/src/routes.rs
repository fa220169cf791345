//! All routes except the page's.

use actix_web::web::{self, PathConfig, QueryConfig, ServiceConfig};
use webchat_chat::ChatError;

use crate::error::api_error::ApiError;
use crate::get_or_head::get_or_head;
use crate::middleware::origin::SOCKET_IO_PATH;
use crate::openapi::document;
use crate::realtime::socket_io;
use crate::realtime::websocket;
use crate::{admin, health, legacy, openai_api, rest};

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .app_data(PathConfig::default().error_handler(|_, _| {
            // A conversation with an invalid id does not exist.
            ApiError::Chat(ChatError::ConversationNotFound).into()
        }))
        .app_data(QueryConfig::default().error_handler(|error, _| ApiError::from(error).into()))
        .configure(health::routes)
        .configure(legacy::routes::routes)
        .service(web::resource(document::PATH).route(get_or_head().to(document::serve)))
        .service(
            web::scope(rest::routes::PREFIX)
                .configure(admin::routes::routes)
                .configure(rest::routes::routes),
        )
        .configure(openai_api::routes::routes)
        .route("/ws", web::get().to(websocket::connect::connect))
        .service(web::resource(SOCKET_IO_PATH).to(socket_io::handler::serve));
}
