//! Several models: who may use which, which one answers, and what happens when a deployment fails.

mod acceptance;
mod choice;
mod deployments;
mod provider_reports;
mod responses;
mod settings;

use std::fmt::Write as _;
use std::fs;

use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;
use webchat_tests::{Browser, Process, Response, ScriptedModel};

/// A server whose configuration file has these models.
struct ModelServer {
    process: Process,
    dir: TempDir,
}

async fn post(browser: &Browser, path: &str, body: &Value) -> Response {
    browser.send(browser.request(Method::POST, path).json(body)).await
}

/// Returns the entry of a model with these deployments, which are asked in this order.
fn entry(id: &str, keys: &str, urls: &[&str]) -> String {
    let mut entry = format!("[[models]]\nid = '{id}'\n{keys}\n");
    for (order, url) in (1..).zip(urls) {
        let keys = format!("url = '{url}'\nmodel = '{id}'\norder = {order}\n");
        write!(entry, "[[models.deployments]]\n{keys}").unwrap();
    }
    entry
}

impl ModelServer {
    async fn start(models: &str, settings: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), models, settings).await
    }

    async fn start_in(dir: TempDir, models: &str, settings: &[(&str, &str)]) -> Self {
        let file = dir.path().join("webchat.toml");
        fs::write(&file, models).unwrap();
        let common = [("CONFIG_FILE", file.to_str().unwrap()), ("AUTO_TITLES", "off")];
        let process = Process::start(dir.path(), &[&common, settings].concat()).await;
        Self { process, dir }
    }

    fn replace_models(&self, models: &str) {
        fs::write(self.dir.path().join("webchat.toml"), models).unwrap();
    }
}

/// Starts two models, and returns them with the configuration file that has both.
fn two_models() -> (ScriptedModel, ScriptedModel, String) {
    let (small, large) = (ScriptedModel::start(), ScriptedModel::start());
    let models = entry("small", "name = 'Small one'\nwindow = 4000\nreply = 500", &[small.url()])
        + &entry("large", "window = 100000", &[large.url()]);
    (small, large, models)
}
