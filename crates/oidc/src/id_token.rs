//! The verification of ID tokens.

use std::time::Duration;

use chrono::{DateTime, Utc};
use openidconnect::core::{
    CoreGenderClaim, CoreJsonWebKey, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalClaims, ClaimsVerificationError, ClientId,
    IdTokenClaims, IdTokenVerifier, Nonce, SignatureVerificationError,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use webchat_domain::Timestamp;

use crate::claims::{Claims, MAX_ID_BYTES};
use crate::discovery::Metadata;
use crate::error::OidcError;
use crate::issuer::Issuer;

/// The maximum difference between the clocks of the provider and of this server.
pub(crate) const LEEWAY: Duration = Duration::from_mins(5);

/// The algorithms of accepted signatures: all of them have a public key.
pub(crate) const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// All claims that are not in the standard.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OtherClaims {
    #[serde(flatten)]
    pub(crate) values: Map<String, Value>,
}

impl AdditionalClaims for OtherClaims {}

pub(crate) type IdToken = openidconnect::IdToken<
    OtherClaims,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

/// What an ID token must fit.
pub(crate) struct Expected<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) metadata: &'a Metadata,
    pub(crate) allowed_tenants: &'a [String],
    pub(crate) nonce: &'a Nonce,
    pub(crate) access_token: &'a AccessToken,
    pub(crate) now: Timestamp,
}

/// The reason why an ID token is refused.
pub(crate) enum VerificationError {
    /// None of the keys has the token's key id.
    UnknownKey,
    Invalid(OidcError),
}

impl From<OidcError> for VerificationError {
    fn from(error: OidcError) -> Self {
        Self::Invalid(error)
    }
}

/// Verifies a token, and returns its claims.
pub(crate) fn verify(
    token: &IdToken,
    keys: &CoreJsonWebKeySet,
    expected: &Expected<'_>,
) -> Result<Claims, VerificationError> {
    let client_id = ClientId::new(expected.client_id.to_owned());
    let issuer = expected.metadata.document.issuer().clone();
    let has_one_issuer = matches!(expected.metadata.issuer, Issuer::Exact(_));
    let earliest_end = time(expected.now.minus(LEEWAY))?;
    let verifier =
        IdTokenVerifier::<CoreJsonWebKey>::new_public_client(client_id, issuer, keys.clone())
            .set_allowed_algs(ALGORITHMS)
            // Otherwise, `Issuer::check` compares it with that of the tenant.
            .require_issuer_match(has_one_issuer)
            .set_time_fn(move || earliest_end);
    let claims = token.claims(&verifier, expected.nonce).map_err(|error| match error {
        ClaimsVerificationError::SignatureVerification(
            SignatureVerificationError::NoMatchingKey,
        ) => VerificationError::UnknownKey,
        error => invalid(&format!("its ID token is refused: {}", kind(&error))).into(),
    })?;
    check_party(claims, expected.client_id)?;
    check_beginning(claims, expected.now)?;
    check_access_token(token, claims, &verifier, expected.access_token)?;
    let Ok(Value::Object(values)) = serde_json::to_value(claims) else {
        return Err(invalid("its ID token has no claims").into());
    };
    let text = |name: &str| values.get(name).and_then(Value::as_str);
    let issuer = claims.issuer().as_str().to_owned();
    expected.metadata.issuer.check(&issuer, text("tid"), expected.allowed_tenants)?;
    let subject = claims.subject().as_str().to_owned();
    if subject.is_empty() || subject.len() > MAX_ID_BYTES {
        return Err(invalid("the subject is empty or too long").into());
    }
    let session_id = text("sid").filter(|sid| sid.len() <= MAX_ID_BYTES).map(ToOwned::to_owned);
    Ok(Claims { issuer, subject, session_id, values })
}

/// Checks that the token was issued to this client.
fn check_party(
    claims: &IdTokenClaims<OtherClaims, CoreGenderClaim>,
    client_id: &str,
) -> Result<(), OidcError> {
    match claims.authorized_party() {
        Some(party) if party.as_str() != client_id => {
            Err(invalid("its ID token was issued to another client"))
        }
        _ => Ok(()),
    }
}

/// Checks that the token is valid already.
fn check_beginning(
    claims: &IdTokenClaims<OtherClaims, CoreGenderClaim>,
    now: Timestamp,
) -> Result<(), OidcError> {
    let latest_beginning = time(now.plus(LEEWAY))?;
    let not_before = claims.additional_claims().values.get("nbf").and_then(Value::as_f64);
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "seconds; a number out of range saturates"
    )]
    let not_before = not_before.map(|seconds| seconds as i64);
    if claims.issue_time() > latest_beginning
        || not_before.is_some_and(|seconds| seconds > latest_beginning.timestamp())
    {
        return Err(invalid("its ID token is not valid yet: compare the clocks"));
    }
    Ok(())
}

/// Checks that the access token belongs to the ID token, if that says so.
fn check_access_token(
    token: &IdToken,
    claims: &IdTokenClaims<OtherClaims, CoreGenderClaim>,
    verifier: &IdTokenVerifier<'_, CoreJsonWebKey>,
    access_token: &AccessToken,
) -> Result<(), OidcError> {
    let Some(expected) = claims.access_token_hash() else { return Ok(()) };
    let other = || invalid("its access token belongs to another ID token");
    let algorithm = token.signing_alg().map_err(|_| other())?;
    let key = token.signing_key(verifier).map_err(|_| other())?;
    let hash = AccessTokenHash::from_token(access_token, algorithm, key).map_err(|_| other())?;
    if hash == *expected { Ok(()) } else { Err(other()) }
}

fn time(timestamp: Timestamp) -> Result<DateTime<Utc>, OidcError> {
    DateTime::from_timestamp_millis(timestamp.unix_millis()).ok_or_else(|| invalid("the time"))
}

fn invalid(what: &str) -> OidcError {
    OidcError::Invalid(what.to_owned())
}

/// Describes the reason without the library's text, which contains values of the token.
fn kind(error: &ClaimsVerificationError) -> &'static str {
    match error {
        ClaimsVerificationError::Expired(_) => "it has expired; compare the clocks",
        ClaimsVerificationError::InvalidAudience(_) => "it is for another client",
        ClaimsVerificationError::InvalidIssuer(_) => "another issuer",
        ClaimsVerificationError::InvalidNonce(_) => "it was issued for another sign-in",
        ClaimsVerificationError::SignatureVerification(_) => "its signature is invalid",
        ClaimsVerificationError::Unsupported(_) => "its format is not supported",
        _ => "a claim is invalid",
    }
}
