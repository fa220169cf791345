//! Signing in and out with a certified provider.

use serde_json::json;
use tempfile::TempDir;
use webchat_tests::{Browser, CertifiedProvider, FreePort, Process, ScriptedModel};

use super::server::BEGIN;
use crate::security::account_server::{account, expect_close};

struct Certified {
    process: Process,
    provider: CertifiedProvider,
    _dir: TempDir,
    _model: ScriptedModel,
}

async fn start() -> Certified {
    let (model, dir, port) =
        (ScriptedModel::start(), tempfile::tempdir().unwrap(), FreePort::choose());
    let (number, url) = (port.number().to_string(), port.url("/"));
    let provider = CertifiedProvider::start(&url).await;
    let settings = [
        ("AZURE_API_URL", model.url()),
        ("PORT", &number),
        ("PUBLIC_URL", &url),
        ("AUTH", "required"),
        ("PASSWORD_SIGN_IN", "off"),
        ("OIDC_ISSUER", provider.url()),
        ("OIDC_CLIENT_ID", "webchat"),
        ("OIDC_CLIENT_SECRET", CertifiedProvider::CLIENT_SECRET),
        ("OIDC_ADMIN_GROUPS", "admins"),
    ];
    let process = Process::start(dir.path(), &settings).await;
    Certified { process, provider, _dir: dir, _model: model }
}

impl Certified {
    async fn signed_in(&self, name: &str) -> Browser {
        let browser = self.process.browser();
        let page = browser.get(BEGIN).await;
        let done = self.provider.sign_in(&browser, &page, name).await;
        assert_eq!(done.status, 200, "{done:?}");
        browser
    }
}

#[tokio::test]
async fn a_user_signs_in_with_the_name_and_groups_of_the_userinfo() {
    let server = start().await;

    let alice = server.signed_in("alice").await;
    let admin = server.signed_in("admin").await;

    let me = alice.get("/api/v1/me").await.json();
    assert_eq!((&me["account"]["name"], &me["account"]["role"]), (&json!("alice"), &json!("user")));
    let me = admin.get("/api/v1/me").await.json();
    assert_eq!(
        (&me["account"]["name"], &me["account"]["role"]),
        (&json!("admin"), &json!("admin"))
    );
    // The provider knows the user, and asks nothing.
    let second = alice.get(BEGIN).await;
    assert_eq!(second.status, 200);
    assert_eq!(account(&alice).await, "alice");
}

#[tokio::test]
async fn signing_out_at_the_provider_ends_the_session_here() {
    let server = start().await;
    let (alice, bob) = (server.signed_in("alice").await, server.signed_in("bob").await);
    let mut socket = alice.connect().await;

    server.provider.sign_out(&alice).await;

    expect_close(&mut socket).await;
    assert_eq!((account(&alice).await, account(&bob).await), (json!(null), json!("bob")));
}

#[tokio::test]
async fn signing_out_here_leads_to_the_provider_and_back() {
    let server = start().await;
    let alice = server.signed_in("alice").await;

    let response = alice.post("/api/v1/auth/sign-out").await.json();
    let url: reqwest::Url = response["sign_out_url"].as_str().unwrap().parse().unwrap();
    let path = format!("{}?{}", url.path(), url.query().unwrap());
    let page = alice.at_url(server.provider.url().parse().unwrap()).get(&path).await;
    let back = server.provider.confirm_sign_out(&alice, &page).await;

    assert_eq!(back.status, 200, "{back:?}");
    assert_eq!(account(&alice).await, json!(null));
    // Now, the provider asks who the user is.
    let page = alice.get(BEGIN).await;
    assert!(page.text.contains("prompt"), "{}", page.text);
}
