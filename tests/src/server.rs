use std::fs;

use tempfile::TempDir;
use webchat::{Environment, RunningWebchat, Settings};

use crate::{Browser, ScriptedModel, Socket};

/// An asset of the test's page.
pub const WEB_ASSET: &str = "/assets/page-abc123.js";

/// A server in this process, with a model that does what it is told.
pub struct TestServer {
    /// The model.
    pub model: ScriptedModel,
    /// Where the server keeps everything.
    pub folder: TempDir,
    running: RunningWebchat,
}

impl TestServer {
    /// With the settings as they are by default.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With these settings beside the defaults.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::with_model(ScriptedModel::start(), settings).await
    }

    /// With this model, and these settings beside the defaults.
    pub async fn with_model(model: ScriptedModel, settings: &[(&str, &str)]) -> Self {
        let url = model.url().to_owned();
        Self::on(model, &[&[("AZURE_API_URL", url.as_str())], settings].concat()).await
    }

    /// With the real small model, which `make test` brings, and these settings beside the defaults.
    #[expect(clippy::disallowed_methods, reason = "how `make test` tells where the model is")]
    pub async fn with_real_model(more: &[(&str, &str)]) -> Self {
        let required = |name| {
            std::env::var(name)
                .unwrap_or_else(|_| panic!("{name} is not set: run the tests with `make test`"))
        };
        let url = required("TEST_MODEL_URL");
        let max_tokens = required("TEST_MODEL_MAX_TOKENS");
        let settings = [("AZURE_API_URL", url.as_str()), ("MAX_TOKENS", max_tokens.as_str())];
        Self::on(ScriptedModel::start(), &[&settings, more].concat()).await
    }

    async fn on(model: ScriptedModel, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let web = folder.path().join("web");
        write_page(&web);
        let data = folder.path().join("data");
        let folders = [
            ("PORT", "0"),
            ("DATA_DIR", data.to_str().unwrap()),
            ("WEB_DIR", web.to_str().unwrap()),
            ("MODEL", "scripted"),
            // A script answers what the test asks, and nothing of the server's own.
            ("AUTO_TITLES", "off"),
        ];
        let variables: Environment =
            folders.iter().chain(settings).map(|&(name, value)| (name, value)).collect();
        let running = webchat::start(Settings::read(&variables).unwrap()).await.unwrap();
        Self { model, folder, running }
    }

    /// Somebody new.
    #[must_use]
    pub fn browser(&self) -> Browser {
        Browser::new(self.running.local_url())
    }

    /// Somebody new, with a connection.
    pub async fn socket(&self) -> (Browser, Socket) {
        let browser = self.browser();
        let socket = browser.connect().await;
        (browser, socket)
    }

    /// Ends the server as a signal does.
    pub async fn shutdown(self) {
        self.running.shutdown().await.unwrap();
    }
}

fn write_page(web: &std::path::Path) {
    let asset = web.join(WEB_ASSET.trim_start_matches('/'));
    fs::create_dir_all(asset.parent().unwrap()).unwrap();
    fs::write(web.join("index.html"), "<!doctype html><title>Webchat</title>").unwrap();
    fs::write(web.join("docs.html"), "<!doctype html><title>The API</title>").unwrap();
    fs::write(&asset, "plain").unwrap();
    fs::write(asset.with_added_extension("br"), "brotli").unwrap();
    fs::write(asset.with_added_extension("gz"), "gzip").unwrap();
}
