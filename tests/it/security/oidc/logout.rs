//! Signing out of the identity provider, there and here.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;
use webchat_tests::identity_provider::{IdentityProvider, now};
use webchat_tests::{Browser, Response};

use super::server::OidcServer;
use crate::security::account_server::{account, expect_close};

pub(super) async fn send(browser: &Browser, token: &str) -> Response {
    let path = "/api/v1/auth/oidc/sso/backchannel-logout";
    let request = browser.new_user().request(Method::POST, path);
    let form = "application/x-www-form-urlencoded";
    browser.send(request.header(CONTENT_TYPE, form).body(format!("logout_token={token}"))).await
}

#[tokio::test]
async fn signing_out_leads_to_the_provider_and_back() {
    let server = OidcServer::start(&[]).await;
    let browser = server.signed_in_as(&json!({"name": "alice"})).await;

    let response = browser.post("/api/v1/auth/sign-out").await;

    assert_eq!(response.status, 200, "{}", response.text);
    let url = response.json()["sign_out_url"].as_str().unwrap().to_owned();
    assert!(url.starts_with(&format!("{}/end-session?", server.provider.url())), "{url}");
    let url: reqwest::Url = url.parse().unwrap();
    let parameter = |name: &str| {
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    assert_eq!(parameter("client_id").as_deref(), Some("webchat"));
    let back = parameter("post_logout_redirect_uri");
    assert_eq!(back.as_deref(), Some(browser.base().as_str()));
    assert_eq!(account(&browser).await, json!(null));
    assert_eq!(browser.post("/api/v1/auth/sign-out").await.status, 204);
}

#[tokio::test]
async fn a_logout_token_ends_the_sessions_it_names() {
    let server = OidcServer::start(&[]).await;
    let claims = |subject: &str, sid: &str| json!({"sub": subject, "sid": sid, "name": format!("u{subject}")});
    let first = server.signed_in_as(&claims("1", "a")).await;
    let second = server.signed_in_as(&claims("1", "b")).await;
    let other = server.signed_in_as(&claims("2", "c")).await;
    let mut socket = first.connect().await;

    let of_session = server.provider.logout_token(&json!({"sid": "a"}));
    let response = send(&first, &of_session).await;

    assert_eq!(response.status, 200, "{}", response.text);
    expect_close(&mut socket).await;
    assert_eq!((account(&first).await, account(&second).await), (json!(null), json!("u1")));
    assert_eq!(send(&first, &of_session).await.status, 400, "a token is used once");
    let of_user = server.provider.logout_token(&json!({"sub": "1"}));
    assert_eq!(send(&first, &of_user).await.status, 200);
    assert_eq!((account(&second).await, account(&other).await), (json!(null), json!("u2")));
    let of_nobody = server.provider.logout_token(&json!({"sub": "unknown", "sid": "unknown"}));
    assert_eq!(send(&first, &of_nobody).await.status, 200);
    assert_eq!(account(&other).await, "u2");
}

#[tokio::test]
async fn invalid_logout_tokens_end_nothing() {
    let server = OidcServer::start(&[]).await;
    let browser = server.signed_in_as(&json!({"sid": "a", "name": "alice"})).await;
    let valid = json!({"sub": "1", "sid": "a"});
    let changed = |changes: serde_json::Value| {
        let mut claims = valid.clone();
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        server.provider.logout_token(&claims)
    };
    let foreign = IdentityProvider::start().logout_token(&json!({
        "iss": server.provider.url(), "sub": "1", "sid": "a",
    }));
    let signed = changed(json!({}));
    let (unsigned, _) = signed.rsplit_once('.').unwrap();
    for token in [
        changed(json!({"aud": "another-client"})),
        changed(json!({"iss": "https://evil.example"})),
        changed(json!({"nonce": "x"})),
        changed(json!({"events": {}})),
        changed(json!({"events": null})),
        changed(json!({"jti": null})),
        changed(json!({"iat": now() - 400, "exp": null})),
        changed(json!({"iat": now() + 400})),
        changed(json!({"exp": now() - 400})),
        changed(json!({"sub": null, "sid": null})),
        foreign,
        format!("{unsigned}."),
        format!("{unsigned}.AAAA"),
        "x".to_owned(),
        String::new(),
    ] {
        let response = send(&browser, &token).await;
        assert_eq!(response.status, 400, "{token}: {}", response.text);
    }
    assert_eq!(account(&browser).await, "alice");
    let path = "/api/v1/auth/oidc/sso/backchannel-logout";
    let json_body = browser.request(Method::POST, path).json(&json!({"logout_token": signed}));
    assert_eq!(browser.send(json_body).await.status, 415);
}
