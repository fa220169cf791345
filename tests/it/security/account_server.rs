//! A server with accounts, and what the tests do with it.

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use webchat::{InitialPassword, SettingsSources, StoreSettings, UserCommand, manage_users};
use webchat_domain::{AccountName, AccountRole, Password};
use webchat_tests::{Browser, Process, Response, ScriptedModel, Socket};

pub(crate) const PASSWORD: &str = "three tides a day";

/// A server with accounts, in a process of its own.
pub(crate) struct AccountServer {
    pub(crate) process: Process,
    _dir: TempDir,
    pub(crate) model: ScriptedModel,
}

impl AccountServer {
    pub(crate) async fn start(auth: &str) -> Self {
        let users = [("alice", AccountRole::User), ("bob", AccountRole::User)];
        Self::with_users(&users, &[("AUTH", auth)]).await
    }

    pub(crate) async fn with_users(
        users: &[(&str, AccountRole)],
        settings: &[(&str, &str)],
    ) -> Self {
        let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
        for (name, role) in users {
            let variables = [("DATA_DIR", dir.path().to_str().unwrap())];
            add_with_role(&variables, name, *role).await;
        }
        let common = [("AZURE_API_URL", model.url()), ("WS_IDLE_S", "60")];
        let process = Process::start(dir.path(), &[&common, settings].concat()).await;
        Self { process, _dir: dir, model }
    }

    pub(crate) fn browser(&self) -> Browser {
        self.process.browser()
    }

    pub(crate) async fn signed_in(&self, name: &str) -> Browser {
        let browser = self.browser();
        let response = sign_in(&browser, name, PASSWORD).await;
        assert_eq!(response.status, 200, "{}", response.text);
        browser
    }
}

pub(crate) async fn manage(variables: &[(&str, &str)], command: UserCommand) {
    let sources: SettingsSources = variables.iter().copied().collect();
    manage_users(&StoreSettings::read(&sources).unwrap(), command).await.unwrap();
}

pub(crate) async fn add(variables: &[(&str, &str)], name: &str) {
    add_with_role(variables, name, AccountRole::User).await;
}

pub(crate) async fn add_with_role(variables: &[(&str, &str)], name: &str, role: AccountRole) {
    let name: AccountName = name.parse().unwrap();
    let password = Password::try_from(PASSWORD.to_owned()).unwrap();
    let command = UserCommand::Add { name, role, password: InitialPassword::Given(password) };
    manage(variables, command).await;
}

pub(crate) async fn sign_in(browser: &Browser, name: &str, password: &str) -> Response {
    post(browser, "sign-in", json!({"name": name, "password": password})).await
}

pub(crate) async fn post(browser: &Browser, action: &str, body: Value) -> Response {
    let request = browser.request(Method::POST, &format!("/api/v1/auth/{action}"));
    browser.send(request.json(&body)).await
}

/// Adds a key of the user who is signed in, and returns it.
pub(crate) async fn new_key(browser: &Browser, mut body: Value) -> Value {
    body["password"] = json!(PASSWORD);
    let response = browser.send(browser.request(Method::POST, "/api/v1/me/keys").json(&body)).await;
    assert_eq!(response.status, 201, "{}", response.text);
    response.json()
}

pub(crate) async fn account(browser: &Browser) -> Value {
    browser.get("/api/v1/me").await.json()["account"]["name"].clone()
}

pub(crate) async fn listed(browser: &Browser) -> usize {
    let list = browser.get("/api/v1/conversations").await.json();
    list["conversations"].as_array().unwrap().len()
}

/// Waits until the server closes the connection because its session has ended.
pub(crate) async fn expect_close(socket: &mut Socket) {
    assert_eq!(socket.wait_until_closed().await.map(u16::from), Some(4401));
}
