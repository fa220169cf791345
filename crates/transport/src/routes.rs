use actix_web::web::{self, PathConfig, QueryConfig, ServiceConfig};
use webchat_chat::ChatError;

use crate::error::api_error::ApiError;
use crate::extract::body::json;
use crate::health;
use crate::legacy::flask;
use crate::openapi::document as openapi;
use crate::realtime::socket_io::handler as socket_io;
use crate::realtime::websocket::connection as realtime;
use crate::rest as v1;

/// The largest body of a request, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// All routes but the page's.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .app_data(json(MAX_BODY))
        .app_data(PathConfig::default().error_handler(|_, _| {
            // What is no id is the id of no conversation.
            ApiError::Chat(ChatError::ConversationNotFound).into()
        }))
        .app_data(
            QueryConfig::default()
                .error_handler(|error, _| ApiError::InvalidRequest(error.to_string()).into()),
        )
        .configure(health::routes)
        .configure(flask::routes)
        .service(web::resource("/api/openapi.json").route(web::get().to(openapi::serve)))
        .service(web::scope("/api/v1").configure(v1::routes::routes))
        .route("/ws", web::get().to(realtime::connect))
        .service(web::resource(socket_io::PATH).to(socket_io::serve));
}
