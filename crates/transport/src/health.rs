//! Liveness, readiness and metrics, for monitoring.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::{self, Data, ServiceConfig};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::Chat;

use crate::error::api_error::ApiError;
use crate::error::body::ErrorBody;
use crate::settings::RenderMetrics;

const HEALTHZ: &str = "/healthz";
const READYZ: &str = "/readyz";

/// See <https://prometheus.io/docs/instrumenting/exposition_formats/>.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(OpenApi)]
#[openapi(paths(healthz, readyz))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource(HEALTHZ).get(healthz).head(healthz))
        .service(web::resource(READYZ).get(readyz).head(readyz));
}

pub(crate) fn metrics_route(config: &mut ServiceConfig, render: Option<RenderMetrics>) {
    if let Some(render) = render {
        let metrics = move || {
            let text = render();
            async move { HttpResponse::Ok().content_type(PROMETHEUS_TEXT).body(text) }
        };
        config.service(web::resource("/metrics").route(web::get().to(metrics)));
    }
}

#[derive(Serialize, ToSchema)]
struct Health {
    status: &'static str,
}

/// Checks that the process is alive.
#[utoipa::path(
    get,
    path = HEALTHZ,
    tag = "server",
    operation_id = "healthz",
    responses((status = 200, body = Health)),
)]
async fn healthz() -> HttpResponse {
    health("alive")
}

/// Checks that the server is ready for requests.
#[utoipa::path(
    get,
    path = READYZ,
    tag = "server",
    operation_id = "readyz",
    responses(
        (status = 200, body = Health),
        (
            status = 503,
            body = ErrorBody,
            description = "The server is shutting down, or a store is unavailable.",
        ),
    ),
)]
async fn readyz(chat: Data<Chat>) -> Result<HttpResponse, ApiError> {
    chat.readiness().await?;
    Ok(health("ready"))
}

fn health(status: &'static str) -> HttpResponse {
    let mut response = HttpResponse::Ok().json(Health { status });
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
