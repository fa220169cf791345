//! Sign-ins that are refused, and what the log says about them.

use reqwest::Url;
use serde_json::json;
use webchat_tests::identity_provider::{ACCESS_TOKEN, CLIENT_SECRET, Signature, now};

use super::server::{BEGIN, OidcServer, error_of, finish, follow, return_from_provider, sign_in};
use crate::security::account_server::account;

#[tokio::test]
async fn invalid_tokens_are_refused() {
    let server = OidcServer::start(&[]).await;
    for claims in [
        json!({"aud": "another-client"}),
        json!({"aud": ["webchat", "another-client"]}),
        json!({"azp": "another-client"}),
        json!({"iss": "https://evil.example"}),
        json!({"nonce": "another-nonce"}),
        json!({"nonce": null}),
        json!({"exp": now() - 301}),
        json!({"exp": null}),
        json!({"iat": now() + 400}),
        json!({"nbf": now() + 400}),
        json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}),
        json!({"sub": ""}),
        json!({"sub": "x".repeat(256)}),
    ] {
        server.provider.sign_in_as(&claims);
        let browser = server.browser();
        assert_eq!(sign_in(&browser).await.as_deref(), Some("sign_in_failed"), "{claims}");
        assert_eq!(account(&browser).await, json!(null));
    }
    server.provider.sign_in_as(&json!({}));
    server.provider.script(|script| script.has_other_access_token = true);
    assert_eq!(sign_in(&server.browser()).await.as_deref(), Some("sign_in_failed"));
}

#[tokio::test]
async fn tokens_with_other_algorithms_than_those_with_a_public_key_are_refused() {
    let server = OidcServer::start(&[]).await;
    // Otherwise, it is refused because of the hash of the access token, which depends on the algorithm.
    server.provider.sign_in_as(&json!({"at_hash": null, "name": "alice"}));
    for signature in [Signature::Unsigned, Signature::PublicKeyAsSecret] {
        server.provider.script(|script| script.signature = signature);
        assert_eq!(sign_in(&server.browser()).await.as_deref(), Some("sign_in_failed"));
    }
    server.provider.script(|script| script.signature = Signature::PrivateKey);
    assert_eq!(sign_in(&server.browser()).await, None);
}

#[tokio::test]
async fn clocks_may_differ_by_almost_five_minutes() {
    let server = OidcServer::start(&[]).await;
    for claims in [
        json!({"iat": now() - 590, "exp": now() - 290}),
        json!({"iat": now() + 290, "nbf": now() + 290, "exp": now() + 590}),
        json!({"aud": ["webchat"], "azp": "webchat", "at_hash": null}),
    ] {
        server.provider.sign_in_as(&claims);
        assert_eq!(sign_in(&server.browser()).await, None, "{claims}");
    }
}

#[tokio::test]
async fn a_state_is_used_once_and_only_in_its_browser() {
    let server = OidcServer::start(&[]).await;
    let (browser, other) = (server.browser(), server.browser());
    let begun = browser.without_redirects().get(BEGIN).await;
    let returned = return_from_provider(&browser, &begun).await;
    let expired = Some("sign_in_expired".to_owned());

    // An attacker who sends a victim to the own response signs nobody in.
    other.without_redirects().get(BEGIN).await;
    assert_eq!(error_of(&follow(&other.without_redirects(), &returned).await), expired);
    assert_eq!(account(&other).await, json!(null));
    let cookie = browser.cookie_for(BEGIN);
    assert_eq!(error_of(&follow(&browser.without_redirects(), &returned).await), None);
    assert_eq!(error_of(&follow(&browser.without_redirects(), &returned).await), expired);
    // Even with the cookies from before.
    let replaying = server.browser().with_cookies(&cookie);
    assert_eq!(error_of(&follow(&replaying.without_redirects(), &returned).await), expired);

    let invented = "/api/v1/auth/oidc/sso/callback?code=x&state=y";
    assert_eq!(error_of(&other.without_redirects().get(invented).await), expired);
    let nothing = other.without_redirects().get("/api/v1/auth/oidc/sso/callback").await;
    assert_eq!(error_of(&nothing), expired);
}

#[tokio::test]
async fn a_code_is_used_once_and_only_with_its_verifier() {
    let server = OidcServer::start(&[]).await;
    let (alice, mallory) = (server.browser(), server.browser());
    let begun = alice.without_redirects().get(BEGIN).await;
    let returned = return_from_provider(&alice, &begun).await;
    let stolen = code_of(returned.header("location"));

    // A stolen code is of no use in another sign-in: it belongs to another verifier and nonce.
    let begun = mallory.without_redirects().get(BEGIN).await;
    let url: Url = begun.header("location").parse().unwrap();
    let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let injected = format!("/api/v1/auth/oidc/sso/callback?code={stolen}&state={state}");
    let refused = mallory.without_redirects().get(&injected).await;
    assert_eq!(error_of(&refused).as_deref(), Some("sign_in_failed"));
    // The provider accepts no code twice.
    let again = follow(&alice.without_redirects(), &returned).await;
    assert_eq!(error_of(&again).as_deref(), Some("sign_in_failed"));
}

#[tokio::test]
async fn an_error_of_the_provider_is_explained() {
    let server = OidcServer::start(&[]).await;
    let browser = server.browser();
    let begun = browser.without_redirects().get(BEGIN).await;
    let url: Url = begun.header("location").parse().unwrap();
    let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();

    let denied =
        format!("/api/v1/auth/oidc/sso/callback?error=access_denied%0a&state={state}&code=x");
    let denied = browser.without_redirects().get(&denied).await;

    assert_eq!(error_of(&denied).as_deref(), Some("sign_in_denied"));
    let log = server.process.log();
    assert!(log.contains("access_denied"), "{log}");
    // The parameter of the issuer must not be that of another provider.
    let begun = browser.without_redirects().get(BEGIN).await;
    let returned = return_from_provider(&browser, &begun).await;
    let mixed_up = format!("{}&iss=https://evil.example", returned.header("location"));
    let url: Url = mixed_up.parse().unwrap();
    let path = format!("{}?{}", url.path(), url.query().unwrap());
    let refused = browser.without_redirects().get(&path).await;
    assert_eq!(error_of(&refused).as_deref(), Some("sign_in_failed"));
}

#[tokio::test]
async fn the_log_contains_neither_tokens_nor_codes_nor_secrets() {
    let server = OidcServer::start(&[("LOG_LEVEL", "debug")]).await;
    let browser = server.browser();
    let begun = browser.without_redirects().get(BEGIN).await;
    let returned = return_from_provider(&browser, &begun).await;
    let code = code_of(returned.header("location"));
    assert_eq!(error_of(&follow(&browser.without_redirects(), &returned).await), None);
    server.provider.sign_in_as(&json!({"nonce": "x", "name": "canary-name"}));
    let begun_again = browser.without_redirects().get(BEGIN).await;
    assert!(finish(&browser, &begun_again).await.is_some());

    let log = server.process.log();
    let state = begun.header("location").split("state=").nth(1).unwrap();
    let state = state.split('&').next().unwrap();
    for secret in [ACCESS_TOKEN, CLIENT_SECRET, code.as_str(), state, "canary-name", "eyJ"] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
    assert!(log.contains("failed to sign in with an identity provider"), "{log}");
}

fn code_of(location: &str) -> String {
    let url: Url = location.parse().unwrap();
    url.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned()
}
