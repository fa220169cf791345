//! What programs may ask for, as OpenAPI 3.1. Each file of routes describes its own in a struct
//! `Described`; here they come together, with what all of them share.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, ContentType};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, Info, OpenApi, Paths, Ref, RefOr, Response};
use utoipa::{OpenApi as _, PartialSchema, ToSchema};
use webchat_domain::IdempotencyKey;

use crate::error::api_error::ApiError;
use crate::error::api_error::ErrorBody;
use crate::health;
use crate::legacy::flask;
use crate::openapi::responses::problem;
use crate::realtime::schema::{ClientEvent, ServerEvent};
use crate::rest as v1;

/// The session cookie, in the document.
const SESSION: &str = "session";

/// What the document says of all errors at once.
const ERROR_RESPONSE: &str = "ErrorResponse";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Webchat",
        description = "Everything that programs may ask of Webchat over HTTP. `docs/protocol.md` \
            says more: what the events are, and what holds for all of it.",
        license(name = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "conversations"),
        (name = "turns", description = "Questions, and the answers being made."),
        (name = "context", description = "What goes to the model beside the messages."),
        (name = "search"),
        (name = "files", description = "Texts that are analysed, and become part of a conversation."),
        (name = "exchange", description = "Conversations taken away as files, and brought."),
        (name = "server", description = "What it is, and how it is."),
        (name = "flask", description = "For clients of the Flask application. Bound to the session, \
            which remembers one current conversation.")
    )
)]
struct Document;

#[derive(utoipa::OpenApi)]
#[openapi(paths(serve), components(schemas(ClientEvent, ServerEvent, IdempotencyKey)))]
struct Described;

/// The document, as it stands in `docs/openapi.json`.
///
/// # Errors
/// None: what it is made from is JSON.
pub fn openapi() -> serde_json::Result<String> {
    let v1 = [
        v1::config::Described::openapi(),
        v1::conversations::Described::openapi(),
        v1::messages::Described::openapi(),
        v1::turns::send::Described::openapi(),
        v1::context::settings::Described::openapi(),
        v1::search::Described::openapi(),
        v1::versions::Described::openapi(),
        v1::files::Described::openapi(),
        v1::transfer::export::Described::openapi(),
        v1::transfer::imports::Described::openapi(),
    ];
    let others = [flask::Described::openapi(), health::Described::openapi(), Described::openapi()];
    let v1 =
        v1.into_iter().fold(OpenApi::new(Info::new("", ""), Paths::new()), OpenApi::merge_from);
    let mut document =
        others.into_iter().fold(Document::openapi().nest("/api/v1", v1), OpenApi::merge_from);
    let components = document.components.get_or_insert_with(|| ComponentsBuilder::new().build());
    let cookie = ApiKeyValue::new("webchat_session");
    components.add_security_scheme(SESSION, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    components.responses.insert(ERROR_RESPONSE.to_owned(), problem("Any other error.").into());
    components.schemas.insert(ErrorBody::name().into_owned(), ErrorBody::schema());
    for item in document.paths.paths.values_mut() {
        let methods =
            [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
        for operation in methods.into_iter().flatten() {
            for response in operation.responses.responses.values_mut() {
                describe_briefly(response);
            }
            let others = RefOr::Ref(Ref::from_response_name(ERROR_RESPONSE));
            operation.responses.responses.insert("default".to_owned(), others);
        }
    }
    // Without a session, one is begun where something is to be changed.
    let with_session = SecurityRequirement::new(SESSION, Vec::<String>::new());
    document.security = Some(vec![SecurityRequirement::default(), with_session]);
    Ok(document.to_pretty_json()? + "\n")
}

/// OpenAPI wants some description of each answer, also where the schema says it all.
fn describe_briefly(response: &mut RefOr<Response>) {
    if let RefOr::T(response) = response
        && response.description.is_empty()
    {
        "What was asked for.".clone_into(&mut response.description);
    }
}

/// This document.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    tag = "server",
    operation_id = "openapi",
    responses((status = 200, body = serde_json::Value)),
)]
pub(crate) async fn serve() -> Result<HttpResponse, ApiError> {
    static DOCUMENT: LazyLock<serde_json::Result<String>> = LazyLock::new(openapi);
    let document = DOCUMENT.as_ref().map_err(|error| {
        tracing::error!(%error, "the API can't be described");
        ApiError::Internal
    })?;
    let header = (CACHE_CONTROL, "no-cache");
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .insert_header(header)
        .body(document.as_str()))
}
