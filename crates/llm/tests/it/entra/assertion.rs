//! The assertion that an application signs with its certificate.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::signature::{KeyPair, RSA_PSS_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use webchat_domain::{Clock, SystemClock};
use webchat_llm::{ApplicationProof, TokenSource};

use super::{application, certificate_and_key, file_with, form, source, token_service};

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn an_application_signs_an_assertion_with_its_certificate() {
    let mut service = token_service();
    let pem = certificate_and_key();
    let file = file_with(&pem);
    let proof = ApplicationProof::Certificate(file.path().to_owned());
    let source = source(application(&service, proof));

    source.request_token().await.unwrap();
    let first = form(&service.request().await)["client_assertion"].clone();
    source.request_token().await.unwrap();
    let second = form(&service.request().await)["client_assertion"].clone();

    let key = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).unwrap();
    let key = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key.public_key().as_ref());
    let (signed, signature) = first.rsplit_once('.').unwrap();
    key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();

    let (header, claims) = signed.split_once('.').unwrap();
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, &der));
    assert_eq!(decoded(header), json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint}));
    let claims = decoded(claims);
    let audience = format!("http://{}/tenant/oauth2/v2.0/token", service.address());
    assert_eq!([&claims["iss"], &claims["sub"], &claims["aud"]], ["client", "client", &audience]);
    let now = SystemClock.now().unix_millis() / 1_000;
    let (not_before, expiry) = (claims["nbf"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    assert!((now - 60..=now).contains(&not_before), "{claims}");
    assert_eq!(expiry - not_before, 600);
    let second_claims = decoded(second.split('.').nth(1).unwrap());
    assert_ne!(claims["jti"], second_claims["jti"], "an id is used once");
}

#[tokio::test]
async fn a_file_without_a_certificate_and_its_rsa_key_is_refused_without_showing_it() {
    let service = token_service();
    let pem = certificate_and_key();
    let start_of_key = pem.find("-----BEGIN PRIVATE KEY").unwrap();
    let (only_certificate, only_key) = pem.split_at(start_of_key);
    let broken_key = pem.replace("PRIVATE KEY-----\nMII", "PRIVATE KEY-----\nAAA");
    for (text, expected) in [
        (only_key, "has no certificate in PEM format"),
        (only_certificate, "has no unencrypted private key in PEM format"),
        (broken_key.as_str(), "has no RSA key"),
        ("", "has no certificate in PEM format"),
    ] {
        let file = file_with(text);
        let proof = ApplicationProof::Certificate(file.path().to_owned());

        let error = source(application(&service, proof)).request_token().await.unwrap_err();

        let shown = format!("{error} {error:?}");
        assert!(shown.contains(expected), "{shown}");
        let is_shown = |line: &str| line.len() > 20 && shown.contains(line);
        assert!(!only_key.lines().any(is_shown), "{shown}");
    }
}
