//! The header `Idempotency-Key`.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use utoipa::IntoParams;
use webchat_domain::IdempotencyKey;

use crate::error::api_error::ApiError;
use crate::extract::query::is_absent;
use crate::headers::single_value;

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

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
        let key = single_value(request.headers(), IDEMPOTENCY_KEY)?;
        let Some(key) = key else { return Ok(Self { key: None }) };
        let key = key.to_str().ok();
        let key = key.map(|key| unquote(key).unwrap_or_else(|| key.to_owned()));
        // A client without a key that sends `undefined` would get the first result for ever.
        if key.as_ref().is_some_and(|key| !key.is_empty() && is_absent(key)) {
            return Ok(Self { key: None });
        }
        let key = key.and_then(|key| IdempotencyKey::try_from(key).ok());
        let message = "`Idempotency-Key` must have 1 to 128 ASCII characters.";
        let key = key.ok_or_else(|| ApiError::InvalidRequest(message.to_owned()))?;
        Ok(Self { key: Some(key) })
    }
}

/// Returns the key without quotes. The draft defines it as a string of RFC 8941, in quotes, but most clients send none.
/// Returns `None` if it is not such a string, or an empty one.
fn unquote(header: &str) -> Option<String> {
    let mut chars = header.trim().strip_prefix('"')?.chars();
    let mut key = String::new();
    loop {
        match chars.next()? {
            '"' => break,
            '\\' => key.push(chars.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
            char => key.push(char),
        }
    }
    // Parameters have no meaning.
    let rest = chars.as_str().trim_start();
    (!key.is_empty() && (rest.is_empty() || rest.starts_with(';'))).then_some(key)
}

impl FromRequest for IdempotencyKeyHeader {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::read(request))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn read(keys: &[&str]) -> Option<IdempotencyKey> {
        let request = TestRequest::default();
        let request = keys
            .iter()
            .fold(request, |request, key| request.append_header((IDEMPOTENCY_KEY, *key)));
        IdempotencyKeyHeader::read(&request.to_http_request()).ok()?.key
    }

    #[test]
    fn a_key_may_be_quoted() {
        for (key, same) in [("\"a b\"", "a b"), ("\"a\"; p=1", "a"), (r#""a\"b\\c""#, r#"a"b\c"#)] {
            assert!(read(&[key]).is_some() && read(&[key]) == read(&[same]), "{key}");
        }
    }

    #[test]
    fn other_quotes_belong_to_the_key() {
        for key in ["\"\"", "\"a", "\"a\"b", r#""a\b""#] {
            assert_eq!(read(&[key]), IdempotencyKey::try_from(key.to_owned()).ok(), "{key}");
        }
    }

    #[test]
    fn long_empty_and_different_keys_are_rejected() {
        assert_eq!(read(&["x".repeat(129).as_str()]), None);
        assert_eq!(read(&[""]), None);
        assert_eq!(read(&["a", "b"]), None);
        assert!(read(&["a", "a"]).is_some_and(|key| Some(key) == read(&["a"])));
    }
}
