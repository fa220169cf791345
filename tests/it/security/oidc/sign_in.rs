//! Sign-ins that succeed, and providers that fail.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use webchat_tests::identity_provider::IdentityProvider;
use webchat_tests::{Browser, Process};

use super::server::{BEGIN, OidcServer, error_of, finish, follow, return_from_provider, sign_in};
use crate::security::account_server::account;

/// The number of conversations of the user, also of empty ones.
async fn listed(browser: &Browser) -> usize {
    let list = browser.get("/list_conversations").await.json();
    list["conversations"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_user_signs_in_on_several_devices_and_returns_to_the_page() {
    let server = OidcServer::start(&[]).await;
    let (first, second) = (server.browser(), server.browser());

    let methods = first.get("/api/v1/auth/providers").await.json();
    let begun = first.without_redirects().get(&format!("{BEGIN}?return_to=/c/abc")).await;
    let returned = return_from_provider(&first, &begun).await;
    let done = follow(&first.without_redirects(), &returned).await;
    assert_eq!(sign_in(&second).await, None);

    assert_eq!(methods, json!({"password": true, "providers": [{"id": "sso", "name": "Example"}]}));
    assert_eq!(done.header("location"), "/c/abc");
    for browser in [&first, &second] {
        let me = browser.get("/api/v1/me").await.json();
        assert_eq!(me["account"]["name"], "alice");
        assert_eq!(me["account"]["has_password"], false);
    }
    let sessions = first.get("/api/v1/me/sessions").await.json();
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 2);
    first.post("/api/v1/auth/sign-out").await;
    assert_eq!((account(&first).await, account(&second).await), (json!(null), json!("alice")));
    assert_eq!(second.without_redirects().get("/api/v1/auth/oidc/other").await.status, 404);
}

#[tokio::test]
async fn several_tabs_sign_in_at_once() {
    let server = OidcServer::start(&[]).await;
    let browser = server.browser();
    browser.start_conversation().await;

    let mut tabs = Vec::new();
    for _ in 0..5 {
        tabs.push(browser.without_redirects().get(BEGIN).await);
    }

    for tab in &tabs {
        assert_eq!(finish(&browser, tab).await, None);
    }
    assert_eq!(account(&browser).await, "alice");
    // More pending sign-ins are not kept than a few.
    let first = browser.without_redirects().get(BEGIN).await;
    for _ in 0..5 {
        browser.without_redirects().get(BEGIN).await;
    }
    assert_eq!(finish(&browser, &first).await.as_deref(), Some("sign_in_expired"));
}

#[tokio::test]
async fn the_first_sign_in_adopts_the_conversations_of_the_browser_if_asked_to() {
    let server = OidcServer::start(&[]).await;
    let (adopting, other) = (server.browser(), server.browser());
    for browser in [&adopting, &other] {
        browser.start_conversation().await;
    }

    let path = format!("{BEGIN}?adopt_conversations=true");
    for browser in [&adopting, &other] {
        let begun = browser.without_redirects().get(&path).await;
        assert_eq!(finish(browser, &begun).await, None);
    }

    for browser in [&adopting, &other] {
        assert_eq!((account(browser).await, listed(browser).await), (json!("alice"), 1));
    }
    other.post("/api/v1/auth/sign-out").await;
    assert_eq!(listed(&other).await, 1, "the second browser keeps its own");
    adopting.post("/api/v1/auth/sign-out").await;
    assert_eq!(listed(&adopting).await, 0, "the adopted ones belong to the account only");
}

#[tokio::test]
async fn the_audit_log_says_that_a_new_account_has_taken_over_conversations() {
    let mut server = OidcServer::start(&[]).await;
    let browser = server.browser();
    browser.start_conversation().await;
    let begun = browser.without_redirects().get(&format!("{BEGIN}?adopt_conversations=true")).await;
    assert_eq!(finish(&browser, &begun).await, None);
    server.process.terminate().await;
    assert!(server.process.wait_for_exit().await);

    let list = ["audit", "list", "--format", "json"];
    let listed = Process::run_in(server.dir.path(), &list, &[]).await;

    let entries = listed.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
    let mut entries: Vec<Value> = entries.collect();
    entries.reverse();
    let actions: Vec<_> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["account_added", "identity_linked", "user_adopted", "sign_in"]);
    // The account is new, so it has replaced no id.
    assert_eq!(entries[2]["details"], json!({}));
    assert_eq!(entries[2]["subject"], entries[0]["subject"]);
}

#[tokio::test]
async fn a_link_of_another_site_leads_to_the_page_and_signs_nobody_in() {
    let server = OidcServer::start(&[]).await;
    let (user, visitor) = (server.browser(), server.browser());
    user.start_conversation().await;

    for browser in [&user, &visitor] {
        let linked = browser.without_redirects();
        let request = linked.request(Method::GET, &format!("{BEGIN}?return_to=/c/a"));
        let response = linked.send(request.header("sec-fetch-site", "cross-site")).await;
        assert_eq!((response.status.as_u16(), response.header("location")), (303, "/c/a"));
    }

    assert_eq!(sign_in(&visitor).await, None, "the user signs in on the page");
}

#[tokio::test]
async fn concurrent_first_sign_ins_give_one_account() {
    let server = OidcServer::start(&[]).await;
    let browsers: Vec<_> = (0..6).map(|_| server.browser()).collect();

    let errors = join_all(browsers.iter().map(sign_in)).await;

    assert_eq!(errors, [const { None }; 6]);
    browsers[0].start_conversation().await;
    for browser in &browsers {
        assert_eq!((account(browser).await, listed(browser).await), (json!("alice"), 1));
    }
}

#[tokio::test]
async fn a_server_starts_and_works_while_the_provider_is_down() {
    let provider = IdentityProvider::start();
    provider.script(|script| script.is_down = true);
    let dir = tempfile::tempdir().unwrap();
    let server = OidcServer::start_in(dir, provider.clone(), &[]).await;
    let browser = server.browser();

    let began_at = Instant::now();
    let refused = browser.without_redirects().get(BEGIN).await;
    let duration = began_at.elapsed();

    assert_eq!(error_of(&refused).as_deref(), Some("provider_unavailable"));
    assert!(duration < Duration::from_secs(10), "{duration:?}");
    browser.start_conversation().await;
    assert_eq!(listed(&browser).await, 1);
    let log = server.process.log();
    assert!(log.contains("failed to sign in with an identity provider"), "{log}");
    provider.script(|script| script.is_down = false);
    tokio::time::sleep(Duration::from_millis(5_100)).await;
    assert_eq!(sign_in(&browser).await, None);
    // Everybody who is signed in stays so.
    provider.script(|script| script.is_down = true);
    assert_eq!(account(&browser).await, "alice");
    let failed = sign_in(&server.browser()).await;
    assert_eq!(failed.as_deref(), Some("provider_unavailable"));
}

#[tokio::test]
async fn rotated_keys_are_read_again_once() {
    let server = OidcServer::start(&[]).await;
    assert_eq!(sign_in(&server.browser()).await, None);

    server.provider.rotate_key();
    assert_eq!(sign_in(&server.browser()).await, None);
    // Unknown keys don't cause a request each.
    for _ in 0..3 {
        server.provider.rotate_key();
        let refused = sign_in(&server.browser()).await;
        assert_eq!(refused.as_deref(), Some("sign_in_failed"));
    }

    assert_eq!(server.provider.script(|script| script.key_requests), 2);
}

#[tokio::test]
async fn the_tenant_completes_the_issuer_of_several_tenants() {
    let provider = IdentityProvider::start();
    let url = provider.url().to_owned();
    provider.script(|script| script.issuer = Some(format!("{url}/{{tenantid}}/v2.0")));
    let common = format!("{url}/common/v2.0");
    let settings = [("OIDC_ISSUER", common.as_str()), ("OIDC_ALLOWED_TENANTS", "t-1,t-2")];
    let dir = tempfile::tempdir().unwrap();
    let server = OidcServer::start_in(dir, provider, &settings).await;

    let issued_by = async |issuer: &str, tenant: &str| {
        let issuer = format!("{url}/{issuer}/v2.0");
        server.provider.sign_in_as(&json!({"iss": issuer, "tid": tenant, "name": "Alice"}));
        sign_in(&server.browser()).await
    };

    assert_eq!(issued_by("t-1", "t-1").await, None);
    assert_eq!(issued_by("t-2", "t-2").await, None);
    assert_eq!(issued_by("t-3", "t-3").await.as_deref(), Some("sign_in_not_allowed"));
    assert_eq!(issued_by("t-1", "t-2").await.as_deref(), Some("sign_in_failed"));
    assert_eq!(issued_by("common", "common").await.as_deref(), Some("sign_in_not_allowed"));
}

#[tokio::test]
async fn missing_claims_are_read_from_the_userinfo() {
    let settings = [("OIDC_ADMIN_GROUPS", "admins")];
    let provider = IdentityProvider::start();
    let info = json!({"sub": "1", "preferred_username": "carol", "groups": ["admins"]});
    provider.script(|script| script.userinfo = Some(info));
    let dir = tempfile::tempdir().unwrap();
    let server = OidcServer::start_in(dir, provider, &settings).await;

    let browser = server.signed_in_as(&json!({})).await;
    let me = browser.get("/api/v1/me").await.json();
    assert_eq!(
        (&me["account"]["name"], &me["account"]["role"]),
        (&json!("carol"), &json!("admin"))
    );
    server.provider.script(|script| script.userinfo = Some(json!({"sub": "2", "name": "eve"})));
    let refused = sign_in(&server.browser()).await;
    assert_eq!(refused.as_deref(), Some("sign_in_failed"));
}

#[tokio::test]
async fn passwords_can_be_switched_off() {
    let server = OidcServer::start(&[("PASSWORD_SIGN_IN", "off"), ("SIGN_UP", "on")]).await;
    let browser = server.browser();
    let credentials = json!({"name": "alice", "password": "three tides a day"});

    for action in ["sign-in", "sign-up"] {
        let refused =
            crate::security::account_server::post(&browser, action, credentials.clone()).await;
        assert_eq!(refused.status, 404, "{action}: {}", refused.text);
    }
    let methods = browser.get("/api/v1/auth/providers").await.json();
    assert_eq!(methods["password"], false);
    assert_eq!(sign_in(&browser).await, None);
}

#[tokio::test]
async fn settings_that_cannot_work_stop_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let run = async |settings: &[(&str, &str)]| {
        let model = [("AZURE_API_URL", "http://127.0.0.1:9"), ("AUTH", "required")];
        let output = Process::run_until_exit(dir.path(), &[&model[..], settings].concat()).await;
        assert!(!output.success, "{output:?}");
        output.stderr
    };
    let issuer = ("OIDC_ISSUER", "https://login.example");

    let without_url = run(&[issuer, ("OIDC_CLIENT_ID", "x")]).await;
    assert!(without_url.contains("PUBLIC_URL"), "{without_url}");
    let without_client = run(&[issuer]).await;
    assert!(without_client.contains("OIDC_CLIENT_ID"), "{without_client}");
    let secret = "canary-secret";
    let further = run(&[
        ("OIDC_PROVIDERS", "entra,google"),
        ("OIDC_ENTRA_ISSUER", "http://login.example"),
        ("OIDC_GOOGLE_CLIENT_ID", "x"),
        ("OIDC_GOOGLE_TRUST_EMAIL", secret),
    ])
    .await;
    for name in [
        "OIDC_ENTRA_ISSUER",
        "OIDC_ENTRA_CLIENT_ID",
        "OIDC_GOOGLE_ISSUER",
        "OIDC_GOOGLE_TRUST_EMAIL",
        "PUBLIC_URL",
    ] {
        assert!(further.contains(name), "{name} is missing in {further}");
    }
    assert!(!further.contains(secret), "{further}");
    let nobody = run(&[("PASSWORD_SIGN_IN", "off")]).await;
    assert!(nobody.contains("PASSWORD_SIGN_IN"), "{nobody}");
}
