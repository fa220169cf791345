use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderName;
use actix_web::{FromRequest, HttpRequest};
use utoipa::IntoParams;
use webchat_domain::IdempotencyKey;

use crate::error::api_error::ApiError;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How asking again does nothing twice.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct Keyed {
    /// The client's name for it: asked for again under a name that is known, it answers as at first.
    #[param(rename = "Idempotency-Key")]
    pub(crate) key: Option<IdempotencyKey>,
}

impl Keyed {
    pub(crate) fn read(request: &HttpRequest) -> Result<Self, ApiError> {
        let Some(key) = request.headers().get(IDEMPOTENCY_KEY) else {
            return Ok(Self { key: None });
        };
        let key = key.to_str().ok().and_then(|key| IdempotencyKey::try_from(key.to_owned()).ok());
        let refused = "`Idempotency-Key` must have 1 to 128 characters, all of them of ASCII.";
        let key = key.ok_or_else(|| ApiError::InvalidRequest(refused.to_owned()))?;
        Ok(Self { key: Some(key) })
    }
}

impl FromRequest for Keyed {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::read(request))
    }
}
