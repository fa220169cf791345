//! The tokens with which a provider reports that a user has signed out there (OpenID Connect Back-Channel Logout 1.0).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreJsonWebKey, CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKey, JsonWebKeyUse, JwsSigningAlgorithm};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use webchat_domain::Timestamp;

use crate::claims::MAX_ID_BYTES;
use crate::error::OidcError;
use crate::id_token::{ALGORITHMS, LEEWAY, VerificationError};
use crate::issuer::Issuer;

/// The member of `events` that makes a token a logout token.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The maximum length of a logout token in bytes.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Which sessions with a provider have ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutToken {
    /// Who issued the token.
    pub issuer: String,
    /// The user, if the token names one. It names a user, a session, or both.
    pub subject: Option<String>,
    /// The user's session with the provider; `None` for all of the user's sessions.
    pub session_id: Option<String>,
    /// Identifies the token, which must be accepted only once.
    pub token_id: String,
}

#[derive(Deserialize)]
struct Header {
    alg: CoreJwsSigningAlgorithm,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Payload {
    iss: String,
    aud: Audience,
    iat: i64,
    #[serde(default)]
    exp: Option<i64>,
    jti: String,
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    sid: Option<String>,
    #[serde(default)]
    tid: Option<String>,
    #[serde(default)]
    nonce: Option<Value>,
    events: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Verifies a logout token.
pub(crate) fn verify(
    token: &str,
    keys: &CoreJsonWebKeySet,
    issuer: &Issuer,
    client_id: &str,
    now: Timestamp,
) -> Result<LogoutToken, VerificationError> {
    let parts: Vec<&str> = token.split('.').collect();
    let ([header_part, payload_part, signature], true) =
        (parts.as_slice(), token.len() <= MAX_TOKEN_BYTES)
    else {
        return Err(invalid("it is not a signed token").into());
    };
    let header: Header = decode(header_part)?;
    let is_typed = header.typ.as_deref().is_none_or(|typ| {
        ["logout+jwt", "jwt", "application/logout+jwt"]
            .iter()
            .any(|known| typ.eq_ignore_ascii_case(known))
    });
    if !is_typed || header.crit.is_some() || !ALGORITHMS.contains(&header.alg) {
        return Err(invalid("its type or algorithm is not supported").into());
    }
    let key = find_key(keys, &header)?;
    let signature = URL_SAFE_NO_PAD.decode(signature);
    let signature = signature.map_err(|_| invalid("its signature is invalid"))?;
    let signed = format!("{header_part}.{payload_part}");
    key.verify_signature(&header.alg, signed.as_bytes(), &signature)
        .map_err(|_| invalid("its signature is invalid"))?;
    Ok(check(decode(payload_part)?, issuer, client_id, now)?)
}

fn find_key<'a>(
    keys: &'a CoreJsonWebKeySet,
    header: &Header,
) -> Result<&'a CoreJsonWebKey, VerificationError> {
    let fits = |key: &&CoreJsonWebKey| {
        let has_id =
            header.kid.as_ref().is_none_or(|kid| key.key_id().is_some_and(|id| id.as_str() == kid));
        has_id
            && key.key_use().is_none_or(JsonWebKeyUse::allows_signature)
            && header.alg.key_type().as_ref() == Some(key.key_type())
    };
    let mut fitting = keys.keys().iter().filter(fits);
    match (fitting.next(), fitting.next()) {
        (None, _) => Err(VerificationError::UnknownKey),
        (Some(key), None) => Ok(key),
        (Some(_), Some(_)) => Err(invalid("it does not say which key has signed it").into()),
    }
}

fn check(
    payload: Payload,
    issuer: &Issuer,
    client_id: &str,
    now: Timestamp,
) -> Result<LogoutToken, OidcError> {
    issuer.check(&payload.iss, payload.tid.as_deref(), &[])?;
    let is_for_client = match &payload.aud {
        Audience::One(audience) => audience == client_id,
        Audience::Several(audiences) => audiences.iter().any(|audience| audience == client_id),
    };
    if !is_for_client {
        return Err(invalid("it is for another client"));
    }
    let seconds = |timestamp: Timestamp| timestamp.unix_millis() / 1_000;
    let is_current = (seconds(now.minus(LEEWAY))..=seconds(now.plus(LEEWAY)))
        .contains(&payload.iat)
        && payload.exp.is_none_or(|exp| exp > seconds(now.minus(LEEWAY)));
    if !is_current {
        return Err(invalid("it is too old, or not valid yet: compare the clocks"));
    }
    if !payload.events.get(EVENT).is_some_and(Value::is_object) || payload.nonce.is_some() {
        return Err(invalid("it is not a logout token"));
    }
    let ids = [payload.sub.as_ref(), payload.sid.as_ref(), Some(&payload.jti)];
    let is_valid = |id: &&String| !id.is_empty() && id.len() <= MAX_ID_BYTES;
    let names_session = payload.sub.is_some() || payload.sid.is_some();
    if !names_session || !ids.iter().flatten().all(is_valid) {
        return Err(invalid("it names no session"));
    }
    Ok(LogoutToken {
        issuer: payload.iss,
        subject: payload.sub,
        session_id: payload.sid,
        token_id: payload.jti,
    })
}

fn decode<T: DeserializeOwned>(part: &str) -> Result<T, OidcError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| invalid("it is not base64url"))?;
    serde_json::from_slice(&bytes).map_err(|_| invalid("a field is missing or invalid"))
}

fn invalid(what: &str) -> OidcError {
    OidcError::Invalid(format!("its logout token is refused: {what}"))
}
