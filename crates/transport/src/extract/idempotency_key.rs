//! The header `Idempotency-Key`.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderName;
use actix_web::{FromRequest, HttpRequest};
use utoipa::IntoParams;
use webchat_domain::IdempotencyKey;

use crate::error::api_error::ApiError;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The header that makes a request safe to repeat.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct IdempotencyKeyHeader {
    /// Any unique string. Repeating a request with the same key returns the first result.
    #[param(rename = "Idempotency-Key")]
    pub(crate) key: Option<IdempotencyKey>,
}

impl IdempotencyKeyHeader {
    pub(crate) fn read(request: &HttpRequest) -> Result<Self, ApiError> {
        let Some(key) = request.headers().get(IDEMPOTENCY_KEY) else {
            return Ok(Self { key: None });
        };
        let key = key.to_str().ok().and_then(|key| IdempotencyKey::try_from(key.to_owned()).ok());
        let message = "`Idempotency-Key` must have 1 to 128 ASCII characters.";
        let key = key.ok_or_else(|| ApiError::InvalidRequest(message.to_owned()))?;
        Ok(Self { key: Some(key) })
    }
}

impl FromRequest for IdempotencyKeyHeader {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::read(request))
    }
}
