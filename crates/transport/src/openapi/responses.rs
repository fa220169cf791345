//! Responses and parameters that several routes share.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::ObjectBuilder;
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder, Schema, Type};
use utoipa::{IntoParams, IntoResponses, ToSchema};
use webchat_domain::ConversationId;

use crate::error::body::ErrorBody;

/// The path parameter of all routes of a conversation.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "used for the OpenAPI document only: handlers extract the id itself")]
pub(crate) struct ConversationPath {
    /// The conversation.
    id: ConversationId,
}

pub(crate) struct NotFoundResponse;
pub(crate) struct RoleNeededResponse;
pub(crate) struct InvalidParameterResponse;
pub(crate) struct InvalidBodyResponse;
pub(crate) struct PreconditionFailedResponse;
pub(crate) struct NotAcceptableResponse;
pub(crate) struct InvalidFileResponse;
pub(crate) struct TurnRejectedResponse;
pub(crate) struct NotModifiedResponse;

/// A resource with its `ETag`. The route's `ApiDoc` must list `T` among its schemas.
pub(crate) struct EtagResponse<T>(PhantomData<T>);

impl<T: ToSchema> IntoResponses for EtagResponse<T> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let etag = HeaderBuilder::new()
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .description(Some("Changes whenever the resource changes."));
        let response = ResponseBuilder::new()
            .header("ETag", etag.build())
            .content("application/json", content_of::<T>());
        BTreeMap::from([("200".to_owned(), response.build().into())])
    }
}

impl IntoResponses for NotModifiedResponse {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let response = ResponseBuilder::new().description("Not modified.").build();
        BTreeMap::from([("304".to_owned(), response.into())])
    }
}

impl IntoResponses for NotFoundResponse {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        errors(&[("404", "Not found, or not yours.")])
    }
}

impl IntoResponses for RoleNeededResponse {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        errors(&[
            ("401", "Nobody is signed in."),
            (
                "403",
                "The user's role, the API key, or a setting of the server does not allow this.",
            ),
        ])
    }
}

impl IntoResponses for InvalidParameterResponse {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        errors(&[("400", "A parameter is invalid.")])
    }
}

impl IntoResponses for InvalidBodyResponse {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        errors(&[
            ("400", "The body is not JSON, or a parameter is invalid."),
            ("413", "The body is too large."),
            ("415", "The body is not declared as JSON, or is compressed."),
            ("422", "A field is missing, unknown or invalid."),
        ])
    }
}

impl IntoResponses for InvalidFileResponse {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        errors(&[
            (
                "400",
                "The body is not a form with one file, or the file is empty, not text, or of an \
                 unsupported type.",
            ),
            ("413", "The file is too large."),
            ("415", "The body is not declared as a form, or is compressed."),
            (
                "429",
                "The user's limit of concurrent file analyses or a daily token budget is reached.",
            ),
        ])
    }
}

impl IntoResponses for TurnRejectedResponse {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        errors(&[
            ("409", "A turn is running, or the message does not allow this."),
            ("429", "The user's limit of concurrent turns or a daily token budget is reached."),
        ])
    }
}

impl IntoResponses for PreconditionFailedResponse {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        errors(&[("412", "The resource no longer matches `If-Match`.")])
    }
}

impl IntoResponses for NotAcceptableResponse {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        errors(&[("406", "None of the media types in `Accept` is available.")])
    }
}

fn errors(errors: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let response = |&(status, description): &(&str, &str)| {
        (status.to_owned(), error_response(description).into())
    };
    errors.iter().map(response).collect()
}

/// Returns an error response with this description.
pub(crate) fn error_response(description: &str) -> Response {
    ResponseBuilder::new()
        .description(description)
        .content("application/json", content_of::<ErrorBody>())
        .build()
}

/// Returns the content of a response whose body has the schema of `T`.
pub(crate) fn content_of<T: ToSchema>() -> Content {
    Content::new(Some(RefOr::<Schema>::Ref(Ref::from_schema_name(T::name()))))
}
