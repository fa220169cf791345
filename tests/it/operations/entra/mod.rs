//! The model at Azure without a key, with access tokens of Entra ID.

mod azure;

use std::fs;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use webchat_tests::{Browser, Process, TIMEOUT};

use self::azure::{Azure, HEADER, SECRET, TOKEN};

const V1: &str = "/openai/v1/chat/completions";
const DATED: &str = "/openai/deployments/gpt/chat/completions?api-version=2024-10-21";

struct Server {
    process: Process,
    browser: Browser,
    _dir: TempDir,
}

impl Server {
    /// Starts a server with the client secret of an application.
    async fn start(azure: &Azure) -> Self {
        let authority = azure.url("");
        Self::with_credential(azure, DATED, &application(&authority, SECRET)).await
    }

    async fn with_credential(azure: &Azure, path: &str, credential: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = azure.url(path);
        let model =
            [("AZURE_API_URL", url.as_str()), ("LLM_AUTH", "entra"), ("AUTO_TITLES", "off")];
        let process = Process::start(dir.path(), &[&model, credential].concat()).await;
        let browser = process.browser();
        Self { process, browser, _dir: dir }
    }

    /// Asks a question over REST. Returns the status of the answer, and its text or the error.
    async fn ask(&self) -> (String, String) {
        let id = self.browser.start_conversation().await;
        let path = format!("/api/v1/conversations/{id}/messages");
        let request = self.browser.request(Method::POST, &path).json(&json!({"message": "Hi"}));
        let response = self.browser.send(request).await;
        assert_eq!(response.status, StatusCode::OK, "{response:?}");
        let turn = response.json();
        let text = |path| turn.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let answer = text("/error/code").or_else(|| text("/answer/content"));
        (text("/answer/status").unwrap(), answer.unwrap())
    }

    async fn assert_answers(&self) {
        assert_eq!(
            self.ask().await,
            ("complete".to_owned(), "Hello.".to_owned()),
            "{}",
            self.log()
        );
    }

    async fn assert_fails(&self, code: &str) {
        assert_eq!(self.ask().await, ("failed".to_owned(), code.to_owned()), "{}", self.log());
    }

    /// Returns the log, which must not contain a secret.
    fn log(&self) -> String {
        let log = self.process.log();
        assert!(!log.contains("canary"), "{log}");
        log
    }

    async fn wait_for_log(&self, text: &str) {
        let wait = async {
            while !self.log().contains(text) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = timeout(TIMEOUT, wait).await;
        assert!(waited.is_ok(), "{text}\n{}", self.log());
    }
}

fn application<'a>(authority: &'a str, secret: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("AZURE_AUTHORITY_HOST", authority),
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_ID", "client"),
        ("AZURE_CLIENT_SECRET", secret),
    ]
}

#[tokio::test]
async fn each_credential_gets_answers_in_both_forms_of_url() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "kubernetes").unwrap();
    let azure = Azure::start();
    let (authority, endpoint) = (azure.url(""), azure.url("/msi/token"));
    let client = ("AZURE_CLIENT_ID", "client");
    for (credential, path, proof) in [
        (application(&authority, SECRET).to_vec(), DATED, "secret"),
        (
            vec![
                ("AZURE_AUTHORITY_HOST", authority.as_str()),
                ("AZURE_TENANT_ID", "tenant"),
                ("AZURE_FEDERATED_TOKEN_FILE", file.path().to_str().unwrap()),
                ("MODEL", "gpt"),
                client,
            ],
            V1,
            "kubernetes",
        ),
        (
            vec![("IDENTITY_ENDPOINT", endpoint.as_str()), ("IDENTITY_HEADER", HEADER)],
            DATED,
            "app-service",
        ),
        (
            vec![
                ("AZURE_POD_IDENTITY_AUTHORITY_HOST", authority.as_str()),
                ("MODEL", "gpt"),
                client,
            ],
            V1,
            "machine",
        ),
    ] {
        let server = Server::with_credential(&azure, path, &credential).await;

        server.assert_answers().await;

        assert_eq!(azure.proofs().last().unwrap(), proof);
        let (url, body) = azure.questions().pop().unwrap();
        assert!(url.ends_with(path), "{url}");
        let model = if path == V1 { json!("gpt") } else { Value::Null };
        assert_eq!(body["model"], model, "{url}");
        let log = server.log();
        assert!(log.contains("using access tokens of Entra ID for the model credential="), "{log}");
    }
}

#[tokio::test]
async fn the_first_token_is_there_before_the_first_question_and_is_used_for_all() {
    let azure = Azure::start();
    let server = Server::start(&azure).await;

    server.wait_for_log("got an access token credential=\"client secret of client\"").await;
    for _ in 0..5 {
        server.assert_answers().await;
    }

    assert_eq!(azure.proofs(), ["secret"]);
}

#[tokio::test]
async fn a_question_with_a_revoked_token_is_answered_with_a_new_one() {
    let azure = Azure::start();
    let server = Server::start(&azure).await;
    server.assert_answers().await;
    azure.revoke_tokens();

    server.assert_answers().await;

    assert_eq!(azure.proofs().len(), 2);
    assert_eq!(azure.questions().len(), 3);
    assert!(server.log().contains("the model refused the access token"));
}

#[tokio::test]
async fn an_outage_of_the_token_service_uses_the_old_token_until_it_ends() {
    let azure = Azure::with_lifetime(Duration::from_secs(10));
    let server = Server::start(&azure).await;
    server.assert_answers().await;
    azure.set_down(true);

    // The renewal begins two to three seconds before the token expires.
    while azure.proofs().len() < 2 {
        server.assert_answers().await;
        sleep(Duration::from_millis(100)).await;
    }
    server.assert_answers().await;
    server.wait_for_log("failed to get an access token").await;
    server.assert_fails("model_unreachable").await;
    azure.set_down(false);
    let recovered = async {
        while server.ask().await.0 != "complete" {
            sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(TIMEOUT, recovered).await.unwrap();
}

#[tokio::test]
async fn refusals_are_ordinary_errors_for_users_and_advice_for_operators() {
    let azure = Azure::start();
    let authority = azure.url("");
    let wrong = application(&authority, "canary-of-a-wrong-secret");
    let server = Server::with_credential(&azure, DATED, &wrong).await;

    // The start does not fail, but warns.
    server.wait_for_log("AADSTS7000215: AZURE_CLIENT_SECRET is wrong").await;
    server.assert_fails("model_key_refused").await;

    let server = Server::start(&azure).await;
    azure.remove_role();
    server.assert_fails("model_key_refused").await;
    server.wait_for_log("assign the role Cognitive Services OpenAI User").await;
    assert!(azure.questions().len() == 1, "a missing role is no reason for another token");
}

#[tokio::test]
async fn a_contradicting_credential_stops_the_start_and_no_secret_is_printed() {
    let azure = Azure::start();
    let (authority, url) = (azure.url(""), azure.url(DATED));
    let entra =
        [("AZURE_API_URL", url.as_str()), ("LLM_AUTH", "entra"), ("IDENTITY_HEADER", TOKEN)];
    let settings = [entra.as_slice(), &application(&authority, SECRET)].concat();
    let with_key = [settings.as_slice(), &[("API_KEY", "canary-of-the-key")]].concat();
    let dir = tempfile::tempdir().unwrap();

    let refused = Process::run_until_exit(dir.path(), &with_key).await;
    let printed = Process::run_in(dir.path(), &["config", "print"], &settings).await;

    assert!(!refused.success);
    assert!(
        refused.stderr.contains("API_KEY in the environment (17 characters): expected no value"),
        "{}",
        refused.stderr
    );
    assert!(printed.success && printed.stdout.contains("auth = \"entra\""), "{printed:?}");
    let shown = format!("{refused:?} {printed:?}");
    assert!(!shown.contains("canary"), "{shown}");
}
