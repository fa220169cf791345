//! The OpenAPI document. Each route file describes its routes in a struct `ApiDoc`. This module merges these
//! descriptions and adds their common parts.

use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::web::Data;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ComponentsBuilder, OpenApi, PathItem, Ref, RefOr, Response, Server};
use utoipa::{OpenApi as _, PartialSchema, ToSchema};
use webchat_domain::IdempotencyKey;

use super::responses::error_response;
use crate::base_path::BasePath;
use crate::error::api_error::ApiError;
use crate::error::body::ErrorBody;
use crate::middleware::session_cookie::COOKIE_NAME;
use crate::realtime::events::incoming::ClientEvent;
use crate::realtime::events::schema::ServerEvent;
use crate::{admin, health, legacy, openai_api, rest};

pub(crate) const PATH: &str = "/api/openapi.json";

/// The name of the security scheme of the session cookie.
const SESSION: &str = "session";

/// The name of the security scheme of API keys.
const API_KEY: &str = "api_key";

/// The name of the response for all errors that a route does not list.
const ERROR_RESPONSE: &str = "ErrorResponse";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Webchat",
        description = "The HTTP API of Webchat. `docs/protocol.md` also describes the events and the \
            rules that all routes share.",
        license(name = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "conversations"),
        (name = "turns", description = "Questions and running answers."),
        (name = "context", description = "Everything that is sent to the model in addition to the messages."),
        (name = "search"),
        (name = "files", description = "Text files to analyse; the analysis becomes part of a conversation."),
        (name = "transfer", description = "Export and import of conversations."),
        (name = "accounts", description = "Signing in and out, and the user's sessions and API keys."),
        (name = "admin", description = "Users and the audit log, for administrators and auditors."),
        (name = "openai", description = "For programs that are written for OpenAI's chat completions. They need an \
            API key with the scope `chat`, and errors have OpenAI's form."),
        (name = "server", description = "Configuration and health of the server."),
        (name = "flask", description = "For clients of the Flask application that Webchat replaces. \
            They work on the session's current conversation.")
    )
)]
struct Document;

#[derive(utoipa::OpenApi)]
#[openapi(paths(serve), components(schemas(ClientEvent, ServerEvent, IdempotencyKey)))]
struct ApiDoc;

/// The document of a server under a base path. It is generated once, for the first request.
pub(crate) struct ApiDocument {
    base_path: BasePath,
    text: OnceLock<String>,
}

impl ApiDocument {
    pub(crate) fn new(base_path: BasePath) -> Self {
        Self { base_path, text: OnceLock::new() }
    }

    fn text(&self) -> serde_json::Result<&str> {
        if let Some(text) = self.text.get() {
            return Ok(text);
        }
        let mut document = document();
        if !self.base_path.is_root() {
            document.servers = Some(vec![Server::new(self.base_path.as_str())]);
        }
        let text = document.to_pretty_json()? + "\n";
        Ok(self.text.get_or_init(|| text))
    }
}

/// Returns the document, which is also stored in `docs/openapi.json`.
///
/// # Errors
/// If the document can't be serialized, which would be a bug.
pub fn openapi() -> serde_json::Result<String> {
    Ok(document().to_pretty_json()? + "\n")
}

fn document() -> OpenApi {
    let routes = [legacy::routes::api_doc(), health::ApiDoc::openapi(), ApiDoc::openapi()];
    let rest = rest::routes::api_doc().merge_from(admin::routes::api_doc());
    let rest = Document::openapi()
        .nest(rest::routes::PREFIX, rest)
        .nest(openai_api::PREFIX, openai_api::routes::api_doc());
    let mut document = routes.into_iter().fold(rest, OpenApi::merge_from);
    let components = document.components.get_or_insert_with(|| ComponentsBuilder::new().build());
    let cookie = ApiKeyValue::new(COOKIE_NAME);
    components.add_security_scheme(SESSION, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    let key = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("wc_…").build();
    components.add_security_scheme(API_KEY, SecurityScheme::Http(key));
    components
        .responses
        .insert(ERROR_RESPONSE.to_owned(), error_response("Any other error.").into());
    components.schemas.insert(ErrorBody::name().into_owned(), ErrorBody::schema());
    for item in document.paths.paths.values_mut() {
        add_default_responses(item);
    }
    // The cookie is optional: requests that change something start a session if there is none.
    let with = |scheme: &str| SecurityRequirement::new(scheme, Vec::<String>::new());
    document.security = Some(vec![SecurityRequirement::default(), with(SESSION), with(API_KEY)]);
    document
}

fn add_default_responses(item: &mut PathItem) {
    let methods = [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
    for operation in methods.into_iter().flatten() {
        for response in operation.responses.responses.values_mut() {
            add_default_description(response);
        }
        let error = RefOr::Ref(Ref::from_response_name(ERROR_RESPONSE));
        operation.responses.responses.entry("default".to_owned()).or_insert(error);
    }
}

/// Adds a description, which OpenAPI requires, to a response that has none.
fn add_default_description(response: &mut RefOr<Response>) {
    if let RefOr::T(response) = response
        && response.description.is_empty()
    {
        "OK.".clone_into(&mut response.description);
    }
}

/// Returns this document.
#[utoipa::path(
    get,
    path = PATH,
    tag = "server",
    operation_id = "openapi",
    responses((status = 200, body = serde_json::Value)),
)]
pub(crate) async fn serve(document: Data<ApiDocument>) -> Result<HttpResponse, ApiError> {
    let text = document.text().map_err(ApiError::internal)?.to_owned();
    let header = (CACHE_CONTROL, "no-cache");
    Ok(HttpResponse::Ok().content_type(ContentType::json()).insert_header(header).body(text))
}
