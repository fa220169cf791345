//! JSON request bodies.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::web::{self, Bytes};
use actix_web::{FromRequest, HttpRequest};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::json_text::{decode, replace_lone_surrogates};
use crate::error::api_error::ApiError;
use crate::error::json_error;
use crate::headers::content_length;

/// The maximum size of a body, in bytes.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;

/// The maximum size of the JSON bodies of some routes, in bytes. The default is [`MAX_BODY_BYTES`].
#[derive(Clone, Copy)]
pub(crate) struct BodyLimit(pub(crate) usize);

/// The body of a request: a JSON object.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = check_type(request.headers());
        let bytes = receive(request, payload);
        Box::pin(async move {
            checked?;
            let Object(body) = parse(bytes.await?)?;
            Ok(Self(body))
        })
    }
}

/// The body of a request that may have none: a JSON object, or `None` if the body is empty or `null`. An empty body
/// needs no `Content-Type`.
pub(crate) struct OptionalBody<T>(pub(crate) Option<T>);

impl<T: DeserializeOwned + 'static> FromRequest for OptionalBody<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = check_type(request.headers());
        let bytes = receive(request, payload);
        Box::pin(async move {
            let bytes = bytes.await?;
            if bytes.is_empty() {
                return Ok(Self(None));
            }
            checked?;
            let body: Option<Object<T>> = parse(bytes)?;
            Ok(Self(body.map(|Object(body)| body)))
        })
    }
}

impl<T> OptionalBody<T> {
    /// Returns the body of a request that had none in earlier versions: clients may send anything that is not JSON.
    ///
    /// # Errors
    /// If the body is declared as JSON and invalid.
    pub(crate) fn or_ignored(body: Result<Self, ApiError>) -> Result<Option<T>, ApiError> {
        match body {
            Err(ApiError::UnsupportedMediaType) => Ok(None),
            body => Ok(body?.0),
        }
    }
}

/// Receives the body, up to the limit of the route.
fn receive(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<Bytes, ApiError>> + use<> {
    let limit = request.app_data::<BodyLimit>().map_or(MAX_BODY_BYTES, |limit| limit.0);
    let max_length = u64::try_from(limit).unwrap_or(u64::MAX);
    let is_too_large = content_length(request.headers()).is_some_and(|bytes| bytes > max_length);
    let body = web::Payload::from_request(request, payload);
    async move {
        if is_too_large {
            return Err(ApiError::PayloadTooLarge);
        }
        let body = body.await.map_err(|error| ApiError::internal(error.to_string()))?;
        let bytes = body.to_bytes_limited(limit).await;
        let bytes = bytes.map_err(|_| ApiError::PayloadTooLarge)?;
        bytes.map_err(|error| ApiError::InvalidRequest(error.to_string()))
    }
}

fn parse<T: DeserializeOwned>(bytes: Bytes) -> Result<T, ApiError> {
    let text = decode(bytes.into()).map_err(|error| ApiError::unreadable_body(&error))?;
    Ok(json_error::parse(&replace_lone_surrogates(&text))?)
}

fn check_type(headers: &HeaderMap) -> Result<(), ApiError> {
    if is_json(headers) { Ok(()) } else { Err(ApiError::UnsupportedMediaType) }
}

/// Returns whether the body is declared as JSON: `application/json`, `text/json` or `application/…+json`, with any
/// parameters, even invalid ones.
fn is_json(headers: &HeaderMap) -> bool {
    // Some clients and proxies send several headers, or join them with commas.
    let values = headers.get_all(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let mut types = values.flat_map(|value| value.split(',')).map(str::trim);
    let is_empty = types.clone().all(str::is_empty);
    !is_empty && types.all(|media_type| media_type.is_empty() || is_json_type(media_type))
}

fn is_json_type(media_type: &str) -> bool {
    let name = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    name.split_once('/').is_some_and(|(_, subtype)| subtype == "json" || subtype.ends_with("+json"))
}

/// A value that is deserialized only from an object. Serde alone would also accept an array.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Fields(PhantomData))
    }
}
