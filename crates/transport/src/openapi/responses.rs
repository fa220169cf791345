//! What many routes share of how they are described: refusals above all.

use std::collections::BTreeMap;

use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use crate::error::api_error::ErrorBody;

pub(crate) struct NotFound;
pub(crate) struct BadParameter;
pub(crate) struct BadBody;
pub(crate) struct Changed;
pub(crate) struct NotAcceptable;
pub(crate) struct BadFile;
pub(crate) struct TurnRefused;

/// A form with one file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described: it is read as it comes")]
pub(crate) struct UploadedFile {
    /// The file.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    file: Vec<u8>,
}

impl IntoResponses for NotFound {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[("404", "There is no such thing, or it is somebody else's.")])
    }
}

impl IntoResponses for BadParameter {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[("400", "A parameter can't be read.")])
    }
}

impl IntoResponses for BadBody {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[
            ("400", "The body is no JSON, or a parameter can't be read."),
            ("413", "The body is too large."),
            ("415", "The body is not declared as JSON, or is compressed."),
            ("422", "A field is missing, unknown, or not what it may be."),
        ])
    }
}

impl IntoResponses for BadFile {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[
            (
                "400",
                "It is no form with one file, or the file is empty, no text, or of another kind.",
            ),
            ("413", "The file is too large."),
            ("415", "The body is no form, or is compressed."),
            ("429", "As many files of the user's are being analysed as may be."),
        ])
    }
}

impl IntoResponses for TurnRefused {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[
            ("409", "An answer is being made, or there is nothing to do this to."),
            ("429", "As many answers as may be at once are being made for the user."),
        ])
    }
}

impl IntoResponses for Changed {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[("412", "It is not as `If-Match` says any more.")])
    }
}

impl IntoResponses for NotAcceptable {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[("406", "`Accept` takes nothing of what there is.")])
    }
}

fn refusals(refusals: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let described = |&(status, why): &(&str, &str)| (status.to_owned(), problem(why).into());
    refusals.iter().map(described).collect()
}

/// The description of an error.
pub(crate) fn problem(why: &str) -> Response {
    let body = Ref::from_schema_name(ErrorBody::name());
    let content = Content::new(Some(RefOr::<utoipa::openapi::Schema>::Ref(body)));
    ResponseBuilder::new().description(why).content("application/json", content).build()
}
