//! Adds the request's id to every response, and a JSON body to every error.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{ALLOW, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use tracing_actix_web::RequestId;
use webchat_domain::UserId;

use crate::error::api_error::ApiError;
use crate::error::body::ErrorBody;
use crate::error::log::ErrorLog;
use crate::extract::client_address::ClientAddress;
use crate::security_log::{SecurityEvent, SecurityLog};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Adds the request's id, and replaces the body of every error, including the errors that actix itself makes.
pub(crate) async fn error_body(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let request_id = request.extensions().get::<RequestId>().map(ToString::to_string);
    let response = next.call(request).await?;
    let mut response = if response.status().as_u16() >= 400 {
        with_body(response, request_id.clone())
    } else {
        response.map_into_boxed_body()
    };
    if let Some(request_id) = request_id {
        response.headers_mut().insert(REQUEST_ID, request_id.parse()?);
    }
    Ok(response)
}

fn with_body<B>(response: ServiceResponse<B>, request_id: Option<String>) -> ServiceResponse {
    let (request, original) = response.into_parts();
    let body = describe(&request, &original, request_id);
    let mut replaced = HttpResponse::build(original.status()).json(body);
    for name in [ALLOW, RETRY_AFTER, WWW_AUTHENTICATE] {
        if let Some(value) = original.headers().get(&name) {
            replaced.headers_mut().insert(name, value.clone());
        }
    }
    ServiceResponse::new(request, replaced)
}

/// Also logs the error: the response that replaces the original does not have it.
fn describe<B>(
    request: &HttpRequest,
    response: &HttpResponse<B>,
    request_id: Option<String>,
) -> ErrorBody {
    let error = response.error();
    let converted;
    let error = if let Some(ours) = error.and_then(|error| error.as_error::<ApiError>()) {
        ours
    } else {
        converted = ApiError::from_status(response.status(), error);
        &converted
    };
    let error_log = request.app_data::<web::Data<ErrorLog>>();
    let error_log = error_log.map(|log| ErrorLog::clone(log)).unwrap_or_default();
    let route = request.match_pattern().unwrap_or_default();
    error_log.log(request_id.as_deref().unwrap_or_default(), &route, error);
    if let Some(event) = SecurityEvent::of(error) {
        record(request, event);
    }
    ErrorBody::new(error, request_id)
}

fn record(request: &HttpRequest, event: SecurityEvent) {
    if let Some(security_log) = request.app_data::<web::Data<SecurityLog>>() {
        let user_id = request.extensions().get::<UserId>().copied();
        security_log.record(event, ClientAddress::of(request).network(), user_id);
    }
}
