//! A scripted identity provider (OpenID Connect), which can misbehave.

pub(crate) mod certified;

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::http::header::{AUTHORIZATION, LOCATION};
use actix_web::web::{self, Data, Form, Query};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The access token that the provider issues.
pub const ACCESS_TOKEN: &str = "access-token-of-the-scripted-provider";

/// The client secret that the provider accepts.
pub const CLIENT_SECRET: &str = "client-secret-of-the-scripted-provider";

/// The client id that the provider knows.
pub const CLIENT_ID: &str = "webchat";

/// A provider that signs every user in without asking, and does what its script says.
#[derive(Clone)]
pub struct IdentityProvider {
    url: String,
    script: Data<Mutex<Script>>,
}

/// What the provider does.
pub struct Script {
    /// The claims of the ID token that differ from the usual ones; `null` leaves one out.
    pub id_token: Map<String, Value>,
    /// The userinfo; without it, the metadata have no endpoint.
    pub userinfo: Option<Value>,
    /// Whether the access token is another one than the ID token names.
    pub has_other_access_token: bool,
    /// Whether all requests fail.
    pub is_down: bool,
    /// The issuer in the metadata, if it is not the URL of the provider.
    pub issuer: Option<String>,
    /// The number of requests for the keys.
    pub key_requests: usize,
    /// The time that a request for the keys takes.
    pub key_delay: Duration,
    /// The number of requests with a code.
    pub code_requests: usize,
    /// How tokens are signed.
    pub signature: Signature,
    key_id: u32,
    key: Ed25519KeyPair,
    codes: HashMap<String, Authorization>,
}

/// How a token is signed.
pub enum Signature {
    /// With the private key.
    PrivateKey,
    /// Not at all, which the token says.
    Unsigned,
    /// With a shared secret, which is the public key.
    PublicKeyAsSecret,
}

#[derive(Clone, Deserialize)]
struct Authorization {
    client_id: String,
    redirect_uri: String,
    state: String,
    nonce: String,
    code_challenge: String,
    code_challenge_method: String,
    response_type: String,
    scope: String,
}

#[derive(Deserialize)]
struct TokenRequest {
    grant_type: String,
    code: String,
    code_verifier: String,
    redirect_uri: String,
}

impl IdentityProvider {
    /// Starts a provider on a free port. It runs until the test's runtime ends.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Data::new(Mutex::new(Script {
            id_token: Map::new(),
            userinfo: None,
            has_other_access_token: false,
            is_down: false,
            issuer: None,
            key_requests: 0,
            key_delay: Duration::ZERO,
            code_requests: 0,
            signature: Signature::PrivateKey,
            key_id: 1,
            key: new_key(),
            codes: HashMap::new(),
        }));
        let provider = Self { url, script };
        let shared = provider.clone();
        let server = HttpServer::new(move || {
            let metadata = "/{tenant:.*}.well-known/openid-configuration";
            App::new()
                .app_data(Data::new(shared.clone()))
                .route(metadata, web::get().to(metadata_document))
                .route("/authorize", web::get().to(authorize))
                .route("/token", web::post().to(token))
                .route("/userinfo", web::get().to(userinfo))
                .route("/jwks", web::get().to(jwks))
        });
        spawn(server.workers(1).disable_signals().listen(listener).unwrap().run());
        provider
    }

    /// The URL, which is also the usual issuer.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Changes what the provider does.
    pub fn script<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.script.lock().unwrap())
    }

    /// Makes the provider sign the user with these claims in.
    pub fn sign_in_as(&self, claims: &Value) {
        self.script(|script| script.id_token.clone_from(claims.as_object().unwrap()));
    }

    /// Replaces the key that signs the tokens.
    pub fn rotate_key(&self) {
        self.script(|script| (script.key_id, script.key) = (script.key_id + 1, new_key()));
    }

    /// Signs a logout token. Its claims differ from the usual ones by `changes`.
    #[must_use]
    pub fn logout_token(&self, changes: &Value) -> String {
        let event = "http://schemas.openid.net/event/backchannel-logout";
        let mut claims = json!({
            "iss": self.url, "aud": CLIENT_ID, "iat": now(), "exp": now() + 120,
            "jti": format!("{:x}", fastrand::u128(..)), "events": { event: {} },
        });
        apply(claims.as_object_mut().unwrap(), changes.as_object().unwrap());
        self.script(|script| script.sign("logout+jwt", &claims))
    }
}

impl Script {
    fn sign(&self, typ: &str, claims: &Value) -> String {
        let algorithm = match self.signature {
            Signature::PrivateKey => "EdDSA",
            Signature::Unsigned => "none",
            Signature::PublicKeyAsSecret => "HS256",
        };
        let header = json!({"alg": algorithm, "typ": typ, "kid": self.key_id.to_string()});
        let [header, claims] =
            [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let signature = match self.signature {
            Signature::PrivateKey => self.key.sign(signed.as_bytes()).as_ref().to_vec(),
            Signature::Unsigned => Vec::new(),
            Signature::PublicKeyAsSecret => {
                let secret = hmac::Key::new(hmac::HMAC_SHA256, self.key.public_key().as_ref());
                hmac::sign(&secret, signed.as_bytes()).as_ref().to_vec()
            }
        };
        let signature = URL_SAFE_NO_PAD.encode(signature);
        format!("{signed}.{signature}")
    }
}

/// The current time in seconds.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a provider has a clock of its own")]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

async fn metadata_document(provider: Data<IdentityProvider>) -> HttpResponse {
    let url = &provider.url;
    provider.script(|script| {
        if script.is_down {
            return HttpResponse::ServiceUnavailable().finish();
        }
        let mut metadata = json!({
            "issuer": script.issuer.as_ref().unwrap_or(url),
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "jwks_uri": format!("{url}/jwks"),
            "end_session_endpoint": format!("{url}/end-session"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA"],
        });
        if script.userinfo.is_some() {
            metadata["userinfo_endpoint"] = json!(format!("{url}/userinfo"));
        }
        HttpResponse::Ok().json(metadata)
    })
}

async fn authorize(provider: Data<IdentityProvider>, query: Query<Authorization>) -> HttpResponse {
    let request = query.into_inner();
    assert_eq!((request.client_id.as_str(), request.response_type.as_str()), (CLIENT_ID, "code"));
    assert_eq!(request.code_challenge_method, "S256");
    assert!(request.scope.split(' ').any(|scope| scope == "openid"), "{}", request.scope);
    let code = format!("code-{:x}", fastrand::u128(..));
    let location = format!("{}?code={code}&state={}", request.redirect_uri, request.state);
    provider.script(|script| script.codes.insert(code, request));
    HttpResponse::Found().insert_header((LOCATION, location)).finish()
}

async fn token(
    provider: Data<IdentityProvider>,
    request: HttpRequest,
    form: Form<TokenRequest>,
) -> HttpResponse {
    let refuse = |error: &str| HttpResponse::BadRequest().json(json!({"error": error}));
    let credentials =
        base64::engine::general_purpose::STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
    let authorization = request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap());
    if authorization != Some(&format!("Basic {credentials}"))
        || form.grant_type != "authorization_code"
    {
        return refuse("invalid_client");
    }
    provider.script(|script| {
        if script.is_down {
            return HttpResponse::ServiceUnavailable().finish();
        }
        script.code_requests += 1;
        // A code is used once.
        let Some(authorization) = script.codes.remove(&form.code) else {
            return refuse("invalid_grant");
        };
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, form.code_verifier.as_bytes()));
        if challenge != authorization.code_challenge
            || form.redirect_uri != authorization.redirect_uri
        {
            return refuse("invalid_grant");
        }
        let mut claims = json!({
            "iss": provider.url, "aud": CLIENT_ID, "sub": "1", "nonce": authorization.nonce,
            "iat": now(), "exp": now() + 300, "sid": "session-1",
        });
        // RFC 8032's Ed25519 uses SHA-512, and the hash is half of it.
        let hash = digest(&ring::digest::SHA512, ACCESS_TOKEN.as_bytes());
        claims["at_hash"] = json!(URL_SAFE_NO_PAD.encode(&hash.as_ref()[..32]));
        apply(claims.as_object_mut().unwrap(), &script.id_token);
        let access_token =
            if script.has_other_access_token { "another-access-token" } else { ACCESS_TOKEN };
        HttpResponse::Ok().json(json!({
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": script.sign("JWT", &claims),
        }))
    })
}

async fn userinfo(provider: Data<IdentityProvider>, request: HttpRequest) -> HttpResponse {
    let authorization = request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap());
    assert_eq!(authorization, Some(format!("Bearer {ACCESS_TOKEN}").as_str()));
    HttpResponse::Ok().json(provider.script(|script| script.userinfo.clone()))
}

async fn jwks(provider: Data<IdentityProvider>) -> HttpResponse {
    let delay = provider.script(|script| {
        script.key_requests += 1;
        script.key_delay
    });
    tokio::time::sleep(delay).await;
    provider.script(|script| {
        let x = URL_SAFE_NO_PAD.encode(script.key.public_key());
        let key = json!({
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": script.key_id.to_string(), "x": x,
        });
        HttpResponse::Ok().json(json!({"keys": [key]}))
    })
}

fn apply(claims: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (name, value) in changes {
        if value.is_null() {
            claims.remove(name);
        } else {
            claims.insert(name.clone(), value.clone());
        }
    }
}

fn new_key() -> Ed25519KeyPair {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the task ends with the test's runtime")]
fn spawn(server: actix_web::dev::Server) {
    tokio::spawn(server);
}
