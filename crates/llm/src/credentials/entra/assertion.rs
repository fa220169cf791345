//! The assertion that an application signs with its certificate.
//!
//! Source: <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{RSA_PSS_SHA256, RsaKeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use webchat_domain::Timestamp;

use crate::TokenError;

/// For how long an assertion is valid. Microsoft asks for five to ten minutes.
const LIFETIME: Duration = Duration::from_mins(10);

/// Returns a signed assertion that this client wants a token of this audience. `pem` has the certificate and its key.
///
/// # Errors
///
/// When the file has no certificate, or no RSA key.
pub(super) fn client_assertion(
    pem: &str,
    client_id: &str,
    audience: &str,
    now: Timestamp,
) -> Result<String, TokenError> {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| refused("has no certificate in PEM format"))?;
    let key = key_pair(pem)?;
    let random = SystemRandom::new();
    let mut id = [0; 16];
    random.fill(&mut id).map_err(|_| TokenError::unavailable("no random numbers"))?;
    let seconds = now.unix_millis().div_euclid(1_000);
    let expiry = now.plus(LIFETIME).unix_millis().div_euclid(1_000);
    let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, &certificate));
    let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint});
    let claims = json!({
        "aud": audience, "iss": client_id, "sub": client_id, "jti": URL_SAFE_NO_PAD.encode(id),
        "nbf": seconds, "iat": seconds, "exp": expiry,
    });
    let signed = format!("{}.{}", encoded(&header), encoded(&claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PSS_SHA256, &random, signed.as_bytes(), &mut signature)
        .map_err(|_| refused("has a key that can't sign"))?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn key_pair(pem: &str) -> Result<RsaKeyPair, TokenError> {
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| refused("has no unencrypted private key in PEM format"))?;
    let key = match &key {
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        _ => return Err(refused("has a key that is not of the type RSA")),
    };
    key.map_err(|_| refused("has no RSA key of 2048 to 4096 bits"))
}

fn encoded(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

fn refused(what: &str) -> TokenError {
    TokenError::Refused(format!("the file that AZURE_CLIENT_CERTIFICATE_PATH names {what}"))
}
