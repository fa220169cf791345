//! Access tokens of Entra ID, with scripted endpoints and a scripted model.

mod assertion;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};
use rsa::RsaPrivateKey;
use rsa::pkcs8::{EncodePrivateKey, LineEnding};
use rsa::rand_core::OsRng;
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use url::{Url, form_urlencoded};
use webchat_llm::{
    ApplicationProof, Auth, EntraCredential, EntraSettings, EntraTokens, HttpChatModel,
    HttpSettings, ManagedIdentityEndpoint, ModelError, TokenSource,
};

use crate::upstream::{
    Request, Upstream, event, good_response, json_response, response, stream_response, text_event,
};
use crate::{ANSWER, answer, collect, failure};

pub(crate) const SECRET: &str = "c1ient-s3cret";
const SCOPE: &str = "https://cognitiveservices.azure.com/.default";
const RESOURCE: &str = "https%3A%2F%2Fcognitiveservices.azure.com";

/// Starts a token service whose first token is `t0ken-0`.
pub(crate) fn token_service() -> Upstream {
    Upstream::start(|connection, number, _| {
        let token = json!({"access_token": format!("t0ken-{number}"), "expires_in": 3600});
        connection.write(&json_response(200, &token));
    })
}

fn url(service: &Upstream) -> Url {
    format!("http://{}", service.address()).parse().unwrap()
}

pub(crate) fn application(service: &Upstream, proof: ApplicationProof) -> EntraCredential {
    EntraCredential::Application {
        authority: url(service),
        tenant_id: "tenant".to_owned(),
        client_id: "client".to_owned(),
        proof,
    }
}

pub(crate) fn client_secret(service: &Upstream) -> EntraCredential {
    application(service, ApplicationProof::Secret(SecretString::from(SECRET)))
}

fn virtual_machine(service: &Upstream, client_id: Option<&str>) -> EntraCredential {
    let endpoint = ManagedIdentityEndpoint::VirtualMachine { host: url(service) };
    EntraCredential::ManagedIdentity { endpoint, client_id: client_id.map(str::to_owned) }
}

fn source(credential: EntraCredential) -> EntraTokens {
    EntraTokens::new(EntraSettings {
        credential,
        scope: SCOPE.to_owned(),
        connect_timeout: Duration::from_secs(5),
        proxy: None,
    })
    .unwrap()
}

/// Returns a model whose requests have the tokens of this credential.
pub(crate) fn model(upstream: &Upstream, credential: EntraCredential) -> HttpChatModel {
    let url = format!("http://{}/openai/deployments/gpt/chat/completions", upstream.address());
    HttpChatModel::new(HttpSettings {
        auth: Auth::Entra,
        token_source: Some(Arc::new(source(credential))),
        ..HttpSettings::new(url.parse().unwrap())
    })
    .unwrap()
}

fn form(request: &Request) -> BTreeMap<String, String> {
    form_urlencoded::parse(request.text.as_bytes()).into_owned().collect()
}

fn authorization(request: &Request) -> Option<&str> {
    request.head.lines().find_map(|line| line.strip_prefix("authorization: "))
}

fn permission_denied() -> Value {
    json!({"error": {"code": "PermissionDenied",
        "message": "Principal does not have access to API/Operation."}})
}

fn unauthorized() -> Value {
    json!({"error": {"code": "401", "message": "Unauthorized. Access token is missing, invalid, \
        audience is incorrect (https://cognitiveservices.azure.com), or have expired."}})
}

fn causes(error: &ModelError) -> String {
    let mut causes = vec![error.to_string()];
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    causes.join(": ")
}

#[tokio::test]
async fn an_application_proves_itself_with_its_secret() {
    let (mut service, mut upstream) = (token_service(), Upstream::with([good_response()]));

    assert_eq!(answer(&model(&upstream, client_secret(&service))).await, ANSWER);

    let request = service.request().await;
    assert!(
        request.head.starts_with("POST /tenant/oauth2/v2.0/token HTTP/1.1"),
        "{}",
        request.head
    );
    let expected = [
        ("client_id", "client"),
        ("client_secret", SECRET),
        ("grant_type", "client_credentials"),
        ("scope", SCOPE),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(form(&request), expected.into());
    let request = upstream.request().await;
    assert_eq!(authorization(&request), Some("Bearer t0ken-0"));
    assert!(!request.head.contains("api-key"), "{}", request.head);
}

#[tokio::test]
async fn a_workload_identity_reads_its_file_for_each_token() {
    let file = NamedTempFile::new().unwrap();
    let mut service = token_service();
    let proof = ApplicationProof::FederatedToken(file.path().to_owned());
    let source = source(application(&service, proof));

    for token in ["first", "second"] {
        fs::write(file.path(), format!("{token}\n")).unwrap();
        source.request_token().await.unwrap();

        let form = form(&service.request().await);
        assert_eq!(form["client_assertion"], token);
        assert_eq!(
            form["client_assertion_type"],
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        );
    }
}

#[tokio::test]
async fn a_managed_identity_asks_the_endpoint_of_its_platform() {
    let mut service = token_service();
    let app_service = EntraCredential::ManagedIdentity {
        endpoint: ManagedIdentityEndpoint::AppService {
            url: url(&service).join("/msi/token").unwrap(),
            header: SecretString::from(SECRET),
        },
        client_id: None,
    };
    for (credential, line, header) in [
        (
            app_service,
            format!("GET /msi/token?api-version=2019-08-01&resource={RESOURCE} "),
            format!("x-identity-header: {SECRET}"),
        ),
        (
            virtual_machine(&service, None),
            format!(
                "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource={RESOURCE} "
            ),
            "metadata: true".to_owned(),
        ),
        (
            virtual_machine(&service, Some("client")),
            format!(
                "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource={RESOURCE}&client_id=client "
            ),
            "metadata: true".to_owned(),
        ),
    ] {
        let mut upstream = Upstream::with([good_response()]);

        assert_eq!(answer(&model(&upstream, credential)).await, ANSWER);

        let request = service.request().await;
        assert!(request.head.starts_with(&line), "{}", request.head);
        assert!(request.head.lines().any(|line| line == header), "{}", request.head);
        assert!(authorization(&upstream.request().await).unwrap().starts_with("Bearer t0ken-"));
    }
}

#[tokio::test]
async fn a_request_with_a_refused_token_is_repeated_once_with_another_one() {
    let refused = json_response(401, &unauthorized());
    let (mut service, mut upstream) =
        (token_service(), Upstream::with([refused.clone(), good_response()]));

    assert_eq!(answer(&model(&upstream, client_secret(&service))).await, ANSWER);

    let requests = upstream.take_requests();
    let tokens: Vec<_> = requests.iter().map(authorization).collect();
    assert_eq!(tokens, [Some("Bearer t0ken-0"), Some("Bearer t0ken-1")]);
    assert_eq!(service.take_requests().len(), 2);

    // If the other one is refused as well, that is the answer, also for the next request.
    let (mut service, mut upstream) = (token_service(), Upstream::with([refused]));
    let model = model(&upstream, client_secret(&service));
    for _ in 0..2 {
        assert_eq!(failure(&model).await.code(), "model_key_refused");
    }
    assert_eq!(upstream.take_requests().len(), 3);
    assert_eq!(service.take_requests().len(), 2);
}

#[tokio::test]
async fn a_token_that_is_refused_in_the_middle_of_an_answer_is_not_replaced() {
    let (mut service, mut upstream) = (
        token_service(),
        Upstream::with([stream_response(&(text_event() + &event(&unauthorized())))]),
    );

    let deltas = collect(&model(&upstream, client_secret(&service))).await;

    assert!(deltas.len() > 1 && deltas.last().unwrap().is_err(), "{deltas:?}");
    assert_eq!(upstream.take_requests().len(), 1);
    assert_eq!(service.take_requests().len(), 1);
}

#[tokio::test]
async fn a_missing_role_is_no_reason_for_another_token() {
    for (status, body, advice) in [
        (401, permission_denied(), "assign the role Cognitive Services OpenAI User"),
        (403, permission_denied(), "assign the role Cognitive Services OpenAI User"),
        (
            403,
            json!({"error": {"code": "AuthenticationTypeDisabled",
                "message": "Key based authentication is disabled for this resource."}}),
            "the resource accepts no keys (disableLocalAuth): use LLM_AUTH=entra",
        ),
    ] {
        let mut service = token_service();
        let mut upstream = Upstream::with([json_response(status, &body)]);

        let error = failure(&model(&upstream, client_secret(&service))).await;

        assert_eq!(error.code(), "model_key_refused");
        assert!(causes(&error).contains(advice), "{}", causes(&error));
        assert_eq!(upstream.take_requests().len(), 1);
        assert_eq!(service.take_requests().len(), 1);
    }
}

#[tokio::test]
async fn a_refused_identity_is_told_with_its_code_and_without_secrets() {
    let refusal = json!({"error": "invalid_client", "error_codes": [7_000_215],
        "error_description": format!("AADSTS7000215: Invalid client secret {SECRET}")});
    let mut service = Upstream::with([json_response(401, &refusal)]);
    let mut upstream = Upstream::with([good_response()]);

    let error = failure(&model(&upstream, client_secret(&service))).await;

    let shown = format!("{} {error:?}", causes(&error));
    assert_eq!(error.code(), "model_key_refused");
    assert!(shown.contains("AADSTS7000215: AZURE_CLIENT_SECRET is wrong"), "{shown}");
    assert!(!shown.contains(SECRET), "{shown}");
    assert_eq!(upstream.take_requests().len(), 0);
    assert_eq!(service.take_requests().len(), 1);
}

#[tokio::test]
async fn without_any_credential_the_error_says_what_was_looked_for() {
    let gone = Upstream::with([response(200, "", "")]);
    let mut credential = virtual_machine(&gone, None);
    if let EntraCredential::ManagedIdentity {
        endpoint: ManagedIdentityEndpoint::VirtualMachine { host },
        ..
    } = &mut credential
    {
        *host = "http://127.0.0.1:9".parse().unwrap();
    }

    let error = source(credential).request_token().await.unwrap_err().to_string();

    for part in [
        "no credential of Entra ID was found",
        "AZURE_FEDERATED_TOKEN_FILE",
        "IDENTITY_ENDPOINT",
        "127.0.0.1:9 can't be reached",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn an_unreadable_file_is_told_with_its_path() {
    let (service, directory) = (token_service(), tempfile::tempdir().unwrap());
    let path = directory.path().join("missing");
    for proof in [
        ApplicationProof::FederatedToken(path.clone()),
        ApplicationProof::Certificate(path.clone()),
    ] {
        let error = source(application(&service, proof)).request_token().await.unwrap_err();

        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
}

#[tokio::test]
async fn tokens_and_secrets_do_not_show_in_debug_output() {
    let (service, upstream) = (token_service(), Upstream::with([good_response()]));
    let credential = client_secret(&service);
    let model = model(&upstream, credential.clone());
    collect(&model).await;

    let shown = format!("{credential:?} {model:?}");

    assert!(!shown.contains(SECRET) && !shown.contains("t0ken"), "{shown}");
}

/// Generates a certificate with an RSA key, both in PEM format.
pub(crate) fn certificate_and_key() -> String {
    let key = RsaPrivateKey::new(&mut OsRng, 2048).unwrap();
    let key = key.to_pkcs8_pem(LineEnding::LF).unwrap();
    let key_pair = KeyPair::from_pkcs8_pem_and_sign_algo(&key, &PKCS_RSA_SHA256).unwrap();
    let certificate = CertificateParams::default().self_signed(&key_pair).unwrap();
    certificate.pem() + &key
}

/// Writes a text to a file.
pub(crate) fn file_with(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    file
}
