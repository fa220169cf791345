//! A server with an identity provider.

use reqwest::Url;
use serde_json::{Value, json};
use tempfile::TempDir;
use webchat_tests::identity_provider::{CLIENT_ID, CLIENT_SECRET, IdentityProvider};
use webchat_tests::{Browser, FreePort, Process, Response, ScriptedModel};

/// The route that begins a sign-in.
pub(super) const BEGIN: &str = "/api/v1/auth/oidc/sso";

/// A server in a process of its own, whose users sign in with a scripted provider.
pub(super) struct OidcServer {
    pub(super) process: Process,
    pub(super) provider: IdentityProvider,
    pub(super) dir: TempDir,
    _model: ScriptedModel,
}

impl OidcServer {
    pub(super) async fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), IdentityProvider::start(), settings).await
    }

    pub(super) async fn start_in(
        dir: TempDir,
        provider: IdentityProvider,
        settings: &[(&str, &str)],
    ) -> Self {
        let (model, port) = (ScriptedModel::start(), FreePort::choose());
        let (number, url) = (port.number().to_string(), port.url("/"));
        let all = [
            ("AZURE_API_URL", model.url()),
            ("PORT", &number),
            ("PUBLIC_URL", &url),
            ("AUTH", "optional"),
            ("OIDC_ISSUER", provider.url()),
            ("OIDC_CLIENT_ID", CLIENT_ID),
            ("OIDC_CLIENT_SECRET", CLIENT_SECRET),
            ("OIDC_NAME", "Example"),
        ];
        let process = Process::start(dir.path(), &[&all[..], settings].concat()).await;
        provider.sign_in_as(&json!({"preferred_username": "alice"}));
        Self { process, provider, dir, _model: model }
    }

    pub(super) fn browser(&self) -> Browser {
        self.process.browser()
    }

    /// Signs a new browser in as the user with these claims.
    pub(super) async fn signed_in_as(&self, claims: &Value) -> Browser {
        self.provider.sign_in_as(claims);
        let browser = self.browser();
        assert_eq!(sign_in(&browser).await, None);
        browser
    }
}

/// Signs in. Returns the code of the error, if the page gets one.
pub(super) async fn sign_in(browser: &Browser) -> Option<String> {
    let begun = browser.without_redirects().get(BEGIN).await;
    finish(browser, &begun).await
}

/// Follows the redirects of a sign-in that has begun.
pub(super) async fn finish(browser: &Browser, begun: &Response) -> Option<String> {
    let returned = return_from_provider(browser, begun).await;
    error_of(&follow(&browser.without_redirects(), &returned).await)
}

/// Lets the provider sign the user in. Returns its response, which sends the browser back.
pub(super) async fn return_from_provider(browser: &Browser, begun: &Response) -> Response {
    let returned = follow(&browser.without_redirects(), begun).await;
    assert_eq!(returned.status, 302, "{returned:?}");
    returned
}

/// Opens the address of a redirect.
pub(super) async fn follow(browser: &Browser, response: &Response) -> Response {
    let location = response.header("location");
    let url: Url = browser.base().join(location).unwrap();
    let path = url.path().to_owned();
    let path = url.query().map_or(path.clone(), |query| format!("{path}?{query}"));
    browser.at_url(url.join("/").unwrap()).get(&path).await
}

/// Returns the code of the error that the page explains.
pub(super) fn error_of(response: &Response) -> Option<String> {
    assert_eq!(response.status, 303, "{response:?}");
    let location = response.header("location");
    location.split_once("sign_in_error=").map(|(_, code)| code.to_owned())
}
