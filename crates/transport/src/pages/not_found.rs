//! The page that a browser gets for an unknown address.

use actix_web::HttpRequest;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;

use super::web_client::WebClient;
use super::with_base;
use crate::base_path::BasePath;
use crate::extract::accept::negotiate;

const FILE: &str = "404.html";

/// Replaces the JSON of a 404 with a page if the client prefers HTML, as browsers do when a user opens a URL. API
/// clients, and the `fetch` calls of the web client, get the JSON.
pub(crate) async fn not_found_page(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    if response.status() != StatusCode::NOT_FOUND {
        return Ok(response);
    }
    let Some(html) = page(response.request()) else { return Ok(response) };
    Ok(response.map_body(|head, _| {
        head.headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        BoxBody::new(html)
    }))
}

/// Returns the page, or `None` if the client gets the JSON or there is no page to serve.
fn page(request: &HttpRequest) -> Option<String> {
    let prefers_html = negotiate(request, &["application/json", "text/html"]).ok()? == "text/html";
    if !request.method().is_safe() || !prefers_html {
        return None;
    }
    let web_client = request.app_data::<Data<WebClient>>()?;
    let base_path = request.app_data::<Data<BasePath>>()?;
    Some(with_base(base_path, &web_client.0.read(FILE)?))
}
