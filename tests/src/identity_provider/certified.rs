//! A certified OpenID provider (oidc-provider on Node.js) in a separate process.

use std::path::Path;
use std::process::Stdio;

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::browser::{Browser, Response};
use crate::timeout::TIMEOUT;

/// A running provider. Its users sign in with a name and any password.
pub struct CertifiedProvider {
    // Held because dropping it kills the process.
    _child: Child,
    // Held because the process could not write to a closed pipe.
    _output: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl CertifiedProvider {
    /// The client secret that the provider accepts.
    pub const CLIENT_SECRET: &str = "client-secret-of-the-certified-provider";

    /// Starts a provider for the server at this URL.
    pub async fn start(server: &str) -> Self {
        let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
        let installation = clients.join("node_modules/oidc-provider");
        assert!(
            installation.exists(),
            "{} does not exist: run `make clients`",
            installation.display()
        );
        let mut child = Command::new("node")
            .arg(clients.join("identity-provider.mjs"))
            .arg(server)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = timeout(TIMEOUT, lines.next_line()).await.expect("timed out").unwrap().unwrap();
        Self { _child: child, _output: lines, url }
    }

    /// The URL, which is also the issuer.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Signs in as this user on the page that the provider shows, and agrees. Returns the page after that.
    pub async fn sign_in(&self, browser: &Browser, page: &Response, name: &str) -> Response {
        let login = format!("prompt=login&login={name}&password=x");
        let consent = self.submit(browser, page, &login).await;
        self.submit(browser, &consent, "prompt=consent").await
    }

    /// Signs out at the provider.
    pub async fn sign_out(&self, browser: &Browser) -> Response {
        let page = browser.at_url(self.url.parse().unwrap()).get("/session/end").await;
        self.confirm_sign_out(browser, &page).await
    }

    /// Confirms signing out on the page that the provider shows.
    pub async fn confirm_sign_out(&self, browser: &Browser, page: &Response) -> Response {
        let token = attribute(&page.text, "name=\"xsrf\" value=\"");
        self.submit(browser, page, &format!("xsrf={token}&logout=yes")).await
    }

    /// Submits the form of a page of the provider.
    async fn submit(&self, browser: &Browser, page: &Response, fields: &str) -> Response {
        let action = attribute(&page.text, "action=\"");
        let path = action.strip_prefix(&self.url).unwrap_or(&action);
        let provider = browser.at_url(self.url.parse().unwrap());
        let request = provider.request(Method::POST, path);
        let form = "application/x-www-form-urlencoded";
        browser.send(request.header(CONTENT_TYPE, form).body(fields.to_owned())).await
    }
}

/// Returns the text from `start` to the next quotation mark.
fn attribute(html: &str, start: &str) -> String {
    let (_, rest) = html.split_once(start).unwrap_or_else(|| panic!("no {start} in {html}"));
    rest.split('"').next().unwrap_or_default().to_owned()
}
