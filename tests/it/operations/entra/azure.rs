//! A stub of Azure: the endpoints that issue tokens, and a model that accepts only the newest token.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::web::{self, Data, Form, Json, Query};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use serde_json::{Value, json};

/// A client secret, and the start of each token.
pub(super) const SECRET: &str = "canary-of-the-secret";
pub(super) const TOKEN: &str = "canary-of-the-token";

/// The secret of App Service's endpoint.
pub(super) const HEADER: &str = "canary-of-the-header";

pub(super) struct Azure {
    address: String,
    state: Arc<State>,
}

struct State {
    /// The lifetime of the tokens.
    lifetime: Duration,
    issued: Mutex<Issued>,
    /// The paths, queries and bodies of all requests to the model.
    questions: Mutex<Vec<(String, Value)>>,
}

#[derive(Default)]
struct Issued {
    /// The number of tokens.
    count: usize,
    /// What the requests for tokens proved: `secret`, `app-service`, `machine`, or the assertion.
    proofs: Vec<String>,
    is_down: bool,
    is_without_role: bool,
}

impl Azure {
    pub(super) fn start() -> Self {
        Self::with_lifetime(Duration::from_hours(1))
    }

    pub(super) fn with_lifetime(lifetime: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (issued, questions) = (Mutex::default(), Mutex::default());
        let state = Data::new(State { lifetime, issued, questions });
        let shared = state.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .route("/tenant/oauth2/v2.0/token", web::post().to(issue_to_application))
                .route("/msi/token", web::get().to(issue_to_app))
                .route("/metadata/identity/oauth2/token", web::get().to(issue_to_machine))
                .route("/openai/{rest:.*}chat/completions", web::post().to(complete))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap();
        spawn(server.run());
        Self { address, state: state.into_inner() }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Revokes all tokens.
    pub(super) fn revoke_tokens(&self) {
        self.state.issued.lock().unwrap().count += 1;
    }

    pub(super) fn set_down(&self, is_down: bool) {
        self.state.issued.lock().unwrap().is_down = is_down;
    }

    pub(super) fn remove_role(&self) {
        self.state.issued.lock().unwrap().is_without_role = true;
    }

    pub(super) fn proofs(&self) -> Vec<String> {
        self.state.issued.lock().unwrap().proofs.clone()
    }

    pub(super) fn questions(&self) -> Vec<(String, Value)> {
        self.state.questions.lock().unwrap().clone()
    }
}

impl State {
    /// Issues a token that makes the earlier ones invalid.
    fn issue(&self, proof: Option<&str>) -> HttpResponse {
        let mut issued = self.issued.lock().unwrap();
        issued.proofs.push(proof.unwrap_or("none").to_owned());
        if issued.is_down {
            return HttpResponse::ServiceUnavailable().finish();
        }
        if proof.is_none() {
            let error = json!({"error": "invalid_client", "error_codes": [7_000_215],
                "error_description": format!("AADSTS7000215: {SECRET}")});
            return HttpResponse::Unauthorized().json(error);
        }
        issued.count += 1;
        let token = format!("{TOKEN}-{}", issued.count);
        let expires_in = self.lifetime.as_secs().to_string();
        HttpResponse::Ok().json(json!({"access_token": token, "expires_in": expires_in}))
    }
}

#[expect(clippy::disallowed_methods, reason = "the task ends with the test's runtime")]
fn spawn(server: actix_web::dev::Server) {
    tokio::spawn(server);
}

type Fields = BTreeMap<String, String>;

async fn issue_to_application(state: Data<State>, form: Form<Fields>) -> HttpResponse {
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    assert_eq!(field("scope"), "https://cognitiveservices.azure.com/.default");
    let proof = match (field("client_secret"), field("client_assertion")) {
        (SECRET, "") => Some("secret"),
        ("", assertion) if !assertion.is_empty() => Some(assertion),
        _ => None,
    };
    state.issue(proof)
}

async fn issue_to_app(
    request: HttpRequest,
    state: Data<State>,
    query: Query<Fields>,
) -> HttpResponse {
    let header = request.headers().get("x-identity-header");
    let is_valid = header.is_some_and(|header| header == HEADER)
        && query["api-version"] == "2019-08-01"
        && query["resource"] == "https://cognitiveservices.azure.com";
    state.issue(is_valid.then_some("app-service"))
}

async fn issue_to_machine(
    request: HttpRequest,
    state: Data<State>,
    query: Query<Fields>,
) -> HttpResponse {
    let header = request.headers().get("metadata");
    let is_valid = header.is_some_and(|header| header == "true")
        && query["api-version"] == "2018-02-01"
        && query["resource"] == "https://cognitiveservices.azure.com"
        && query.get("client_id").is_none_or(|id| id == "client");
    state.issue(is_valid.then_some("machine"))
}

async fn complete(request: HttpRequest, state: Data<State>, body: Json<Value>) -> HttpResponse {
    let (count, is_without_role) = {
        let issued = state.issued.lock().unwrap();
        (issued.count, issued.is_without_role)
    };
    let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap());
    let is_authorized = header("authorization") == Some(&format!("Bearer {TOKEN}-{count}"))
        && header("api-key").is_none();
    state.questions.lock().unwrap().push((request.uri().to_string(), body.into_inner()));
    if !is_authorized {
        return HttpResponse::Unauthorized().json(json!({"error": {"code": "401"}}));
    }
    if is_without_role {
        return HttpResponse::Unauthorized().json(json!({"error": {"code": "PermissionDenied"}}));
    }
    let chunk = |choice: Value| format!("data: {}\n\n", json!({"choices": [choice]}));
    let body = chunk(json!({"delta": {"content": "Hello."}}))
        + &chunk(json!({"delta": {}, "finish_reason": "stop"}));
    HttpResponse::Ok().content_type("text/event-stream").body(body)
}
