//! Liveness, readiness and metrics, for monitoring.

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use subtle::ConstantTimeEq;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::Chat;

use crate::error::api_error::ApiError;
use crate::error::body::ErrorBody;
use crate::headers::single_value;
use crate::metrics::record_readiness;
use crate::settings::{MetricsSettings, ReadinessWarnings};

const HEALTHZ: &str = "/healthz";
const READYZ: &str = "/readyz";
const METRICS: &str = "/metrics";

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

pub(crate) fn metrics_route(config: &mut ServiceConfig, settings: MetricsSettings) {
    config.service(web::resource(METRICS).app_data(Data::new(settings)).get(metrics));
}

/// Returns whether this is the route of a resource that monitoring requests regularly.
pub(crate) fn is_probe(route: &str) -> bool {
    [HEALTHZ, READYZ, METRICS].iter().any(|probe| route.ends_with(probe))
}

async fn metrics(
    request: HttpRequest,
    chat: Data<Chat>,
    settings: Data<MetricsSettings>,
) -> Result<HttpResponse, ApiError> {
    if settings.token.as_ref().is_some_and(|token| !has_token(&request, token)) {
        return Err(ApiError::MetricsTokenRequired);
    }
    record_readiness(chat.readiness().await.is_ok());
    // With many routes or files, rendering takes milliseconds in which it would block this thread.
    let text = web::block(move || (settings.render)()).await.map_err(ApiError::internal)?;
    Ok(HttpResponse::Ok().content_type(PROMETHEUS_TEXT).body(text))
}

/// Returns whether the request has this bearer token (RFC 6750, section 2.1). The tokens are compared in constant
/// time.
fn has_token(request: &HttpRequest, token: &str) -> bool {
    let header = single_value(request.headers(), "Authorization").ok().flatten();
    let header = header.and_then(|value| value.to_str().ok());
    let credentials = header.and_then(|header| header.split_once(' '));
    credentials.is_some_and(|(scheme, sent)| {
        let sent = sent.trim_ascii_start().as_bytes();
        scheme.eq_ignore_ascii_case("Bearer") && sent.ct_eq(token.as_bytes()).into()
    })
}

/// The source of readiness warnings: failures that do not make the server unready.
pub(crate) struct Warnings(pub(crate) Option<ReadinessWarnings>);

#[derive(Serialize, ToSchema)]
struct Health {
    status: &'static str,
}

#[derive(Serialize, ToSchema)]
struct Readiness {
    status: &'static str,
    /// Failures that do not prevent the server from serving requests. Absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<&'static str>,
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
    uncached(Health { status: "alive" })
}

/// Checks that the server is ready for requests.
#[utoipa::path(
    get,
    path = READYZ,
    tag = "server",
    operation_id = "readyz",
    responses(
        (status = 200, body = Readiness),
        (
            status = 503,
            body = ErrorBody,
            description = "The server is shutting down, or a store is unavailable.",
        ),
    ),
)]
async fn readyz(chat: Data<Chat>, warnings: Data<Warnings>) -> Result<HttpResponse, ApiError> {
    chat.readiness().await?;
    let warnings = warnings.0.as_ref().map(|list| list()).unwrap_or_default();
    Ok(uncached(Readiness { status: "ready", warnings }))
}

fn uncached(body: impl Serialize) -> HttpResponse {
    let mut response = HttpResponse::Ok().json(body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
