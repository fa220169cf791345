//! Tokens of an application: the client credentials grant with a federated token, a secret or a certificate.
//!
//! Sources: <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>,
//! <https://azure.github.io/azure-workload-identity/docs/> and `aad_client_base.py` of azure-identity for Python.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use secrecy::ExposeSecret;
use tokio::task::spawn_blocking;
use url::Url;
use url::form_urlencoded::Serializer;
use webchat_domain::{Clock, SystemClock};

use super::assertion::client_assertion;
use super::endpoint::Endpoint;
use super::refusal::application_error;
use super::settings::ApplicationProof;
use super::token_response::read_token;
use crate::{AccessToken, ProxySettings, SetupError, TokenError};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The maximum size of a file with a token or a certificate, in bytes.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// An application of a tenant.
pub(super) struct Application {
    pub(super) endpoint: Endpoint,
    pub(super) client_id: String,
    pub(super) proof: ApplicationProof,
    pub(super) scope: String,
}

/// Returns the token endpoint of a tenant.
pub(super) fn endpoint(
    authority: Url,
    tenant_id: &str,
    connect_timeout: Duration,
    proxy: Option<ProxySettings>,
) -> Result<Endpoint, SetupError> {
    let mut url = authority;
    url.path_segments_mut()
        .map_err(|()| SetupError::Credential)?
        .pop_if_empty()
        .extend([tenant_id, "oauth2", "v2.0", "token"]);
    Endpoint::new(url, connect_timeout, proxy)
}

impl Application {
    pub(super) async fn request_token(&self) -> Result<AccessToken, TokenError> {
        let form = self.form().await?;
        let request = self
            .endpoint
            .client
            .post(self.endpoint.url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        let response = self.endpoint.send(request).await?;
        if response.status.is_success() {
            return read_token(&response.body, SystemClock.now());
        }
        Err(application_error(&response, &self.endpoint.host()))
    }

    async fn form(&self) -> Result<String, TokenError> {
        let assertion = |assertion| {
            vec![
                ("client_assertion_type", ASSERTION_TYPE.to_owned()),
                ("client_assertion", assertion),
            ]
        };
        let proof = match &self.proof {
            ApplicationProof::Secret(secret) => {
                vec![("client_secret", secret.expose_secret().to_owned())]
            }
            ApplicationProof::FederatedToken(path) => {
                let token = read_file(path, "AZURE_FEDERATED_TOKEN_FILE").await?;
                assertion(token.trim().to_owned())
            }
            ApplicationProof::Certificate(path) => {
                let pem = read_file(path, "AZURE_CLIENT_CERTIFICATE_PATH").await?;
                let audience = self.endpoint.url.as_str();
                assertion(client_assertion(&pem, &self.client_id, audience, SystemClock.now())?)
            }
        };
        let mut form = Serializer::new(String::new());
        form.append_pair("client_id", &self.client_id)
            .append_pair("scope", &self.scope)
            .append_pair("grant_type", "client_credentials")
            .extend_pairs(proof);
        Ok(form.finish())
    }
}

/// Reads a file that this variable names.
async fn read_file(path: &Path, variable: &str) -> Result<String, TokenError> {
    let owned_path = path.to_owned();
    let read = spawn_blocking(move || -> io::Result<String> {
        let mut text = String::new();
        File::open(owned_path)?.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
        Ok(text)
    });
    let read = read.await.map_err(io::Error::other).and_then(|text| text);
    read.map_err(|error| {
        let path = path.display();
        TokenError::Refused(format!("failed to read {path}, which {variable} names: {error}"))
    })
}
