//! JSON request bodies.

use std::fmt;
use std::marker::PhantomData;

use actix_web::web::{Json, JsonConfig};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::error::api_error::ApiError;

/// The maximum size of a body, in bytes.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;

/// The maximum size of a body with a message, in bytes. The WebSocket has the same limit.
pub(crate) const MAX_MESSAGE_BODY_BYTES: usize = 4 * 1024 * 1024;

/// The body of a request: a JSON object.
pub(crate) type Body<T> = Json<Object<T>>;

/// Returns the configuration of JSON bodies of at most `limit` bytes.
pub(crate) fn json_config(limit: usize) -> JsonConfig {
    JsonConfig::default().limit(limit).error_handler(|error, _| ApiError::from(error).into())
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
