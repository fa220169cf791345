//! For those who watch over the server: whether it lives, and whether it should get requests.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::{self, Data, ServiceConfig};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::Chat;

use crate::error::api_error::ApiError;
use crate::error::api_error::ErrorBody;
use crate::server::Metrics;

/// By <https://prometheus.io/docs/instrumenting/exposition_formats/>.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(OpenApi)]
#[openapi(paths(healthz, readyz))]
pub(crate) struct Described;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/healthz").route(web::get().to(healthz)))
        .service(web::resource("/readyz").route(web::get().to(readyz)));
}

pub(crate) fn metrics(config: &mut ServiceConfig, metrics: Option<Metrics>) {
    if let Some(metrics) = metrics {
        let write = move || {
            let text = metrics();
            async move { HttpResponse::Ok().content_type(PROMETHEUS_TEXT).body(text) }
        };
        config.service(web::resource("/metrics").route(web::get().to(write)));
    }
}

#[derive(Serialize, ToSchema)]
struct Health {
    status: &'static str,
}

/// Whether the process serves.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "server",
    operation_id = "healthz",
    responses((status = 200, body = Health)),
)]
async fn healthz() -> HttpResponse {
    answer("alive")
}

/// Whether the server should get requests.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "server",
    operation_id = "readyz",
    responses(
        (status = 200, body = Health),
        (
            status = 503,
            body = ErrorBody,
            description = "The server goes away, or a store does not answer.",
        ),
    ),
)]
async fn readyz(chat: Data<Chat>) -> Result<HttpResponse, ApiError> {
    chat.readiness().await?;
    Ok(answer("ready"))
}

fn answer(status: &'static str) -> HttpResponse {
    let mut answer = HttpResponse::Ok().json(Health { status });
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
