//! A server in the test's process.

use std::fs;

use tempfile::TempDir;
use webchat::{RunningWebchat, Settings, SettingsSources};

use crate::browser::Browser;
use crate::model::ScriptedModel;
use crate::socket::Socket;

/// The path of an asset of the test's page.
pub const WEB_ASSET: &str = "/assets/page-abc123.js";

/// Settings without limits per address, because all users of a test share one address.
pub(crate) const NO_LIMITS_PER_ADDRESS: [(&str, &str); 6] = [
    ("TURNS_PER_ADDRESS", "0"),
    ("DAILY_TOKENS_PER_ADDRESS", "0"),
    ("REQUESTS_PER_SECOND_PER_ADDRESS", "0"),
    ("NEW_USERS_PER_MINUTE_PER_ADDRESS", "0"),
    ("NEW_USERS_PER_MINUTE", "0"),
    ("CONNECTIONS_PER_ADDRESS", "100000"),
];

/// A server in this process, with a scripted model.
pub struct TestServer {
    /// The scripted model.
    pub model: ScriptedModel,
    /// The directory that contains the server's data and its page.
    pub dir: TempDir,
    running: RunningWebchat,
}

impl TestServer {
    /// Starts a server with the default settings.
    pub async fn start() -> Self {
        Self::with_settings(&[]).await
    }

    /// Starts a server with these settings. The others have their defaults.
    pub async fn with_settings(settings: &[(&str, &str)]) -> Self {
        Self::with_model(ScriptedModel::start(), settings).await
    }

    /// Starts a server with this model and these settings.
    pub async fn with_model(model: ScriptedModel, settings: &[(&str, &str)]) -> Self {
        let url = model.url().to_owned();
        Self::launch(model, &[&[("AZURE_API_URL", url.as_str())], settings].concat()).await
    }

    /// Starts a server with the small real model that `make test` runs, and with these settings.
    #[expect(clippy::disallowed_methods, reason = "`make test` sets the model's address")]
    pub async fn with_real_model(settings: &[(&str, &str)]) -> Self {
        let required = |name| {
            std::env::var(name)
                .unwrap_or_else(|_| panic!("{name} is not set: run the tests with `make test`"))
        };
        let url = required("TEST_MODEL_URL");
        let max_tokens = required("TEST_MODEL_MAX_TOKENS");
        let model = [
            ("AZURE_API_URL", url.as_str()),
            ("MAX_TOKENS", max_tokens.as_str()),
            ("REPLY_TOKENS", "800"),
        ];
        Self::launch(ScriptedModel::start(), &[&model, settings].concat()).await
    }

    async fn launch(model: ScriptedModel, settings: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let web = dir.path().join("web");
        write_page(&web);
        let data = dir.path().join("data");
        let defaults = [
            ("PORT", "0"),
            ("DATA_DIR", data.to_str().unwrap()),
            ("WEB_DIR", web.to_str().unwrap()),
            ("MODEL", "scripted"),
            // Requests for titles would consume scripted answers.
            ("AUTO_TITLES", "off"),
        ];
        let variables: SettingsSources = defaults
            .iter()
            .chain(&NO_LIMITS_PER_ADDRESS)
            .chain(settings)
            .map(|&(name, value)| (name, value))
            .collect();
        let running = Box::pin(webchat::start(Settings::read(&variables).unwrap())).await.unwrap();
        Self { model, dir, running }
    }

    /// Creates a new user's browser.
    #[must_use]
    pub fn browser(&self) -> Browser {
        Browser::new(self.running.local_url())
    }

    /// The address of the server, as `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        self.running.local_url().trim_start_matches("http://").to_owned()
    }

    /// Creates a new user's browser and opens a WebSocket.
    pub async fn socket(&self) -> (Browser, Socket) {
        let browser = self.browser();
        let socket = browser.connect().await;
        (browser, socket)
    }

    /// Shuts the server down gracefully, as a signal does.
    pub async fn shutdown(self) {
        self.running.shutdown().await.unwrap();
    }
}

fn write_page(web: &std::path::Path) {
    let asset = web.join(WEB_ASSET.trim_start_matches('/'));
    fs::create_dir_all(asset.parent().unwrap()).unwrap();
    fs::write(web.join("index.html"), "<!doctype html><base href=\"/\" /><title>Webchat</title>")
        .unwrap();
    fs::write(web.join("docs.html"), "<!doctype html><title>The API</title>").unwrap();
    fs::write(web.join("admin.html"), "<!doctype html><title>Administration</title>").unwrap();
    fs::write(&asset, "plain").unwrap();
    fs::write(asset.with_added_extension("br"), "brotli").unwrap();
    fs::write(asset.with_added_extension("gz"), "gzip").unwrap();
}
