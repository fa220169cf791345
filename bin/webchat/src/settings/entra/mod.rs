//! The credential of the server at Microsoft Entra ID: which settings it needs, and how they are converted.

use std::sync::Arc;
use std::time::Duration;

use url::{Host, Url};
use webchat_llm::{
    ApplicationProof, Auth, EntraCredential, EntraTokens, ManagedIdentityEndpoint, SetupError,
    TokenSource,
};

use super::checks::reject;
use super::kind::http_url;
use super::merged::Merged;
use super::sections::{EntraSettings, Settings};

/// What proves that the server is an application, in the order in which it is used.
const PROOFS: [&str; 3] =
    ["AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH"];

/// Checks the credential of the only model, if it uses tokens of Entra ID.
pub(super) fn check(merged: &mut Merged) {
    if merged.get("LLM_AUTH") != Some(Auth::Entra) {
        return;
    }
    if is_set(merged, "API_KEY") {
        reject(merged, "API_KEY", Some("no value with LLM_AUTH=entra, which replaces the key"));
    }
    check_credential(merged);
}

/// Rejects incomplete and contradicting credentials.
pub(super) fn check_credential(merged: &mut Merged) {
    let proofs: Vec<&str> = PROOFS.into_iter().filter(|proof| is_set(merged, proof)).collect();
    match proofs.as_slice() {
        [] => check_managed_identity(merged),
        [proof] => check_application(merged, proof),
        [first, others @ ..] => {
            for other in others {
                let expected = format!("no value, because {first} is set: one proof is enough");
                reject(merged, other, Some(&expected));
            }
        }
    }
}

fn check_application(merged: &mut Merged, proof: &str) {
    for variable in ["AZURE_TENANT_ID", "AZURE_CLIENT_ID"] {
        if !is_set(merged, variable) {
            reject(merged, variable, Some(&format!("an id, because {proof} is set")));
        }
    }
    let authority: Option<String> = merged.get("AZURE_AUTHORITY_HOST");
    if authority.is_some_and(|authority| authority_url(&authority).is_none()) {
        let expected = "a URL such as https://login.microsoftonline.com";
        reject(merged, "AZURE_AUTHORITY_HOST", Some(expected));
    }
}

fn check_managed_identity(merged: &mut Merged) {
    if is_set(merged, "AZURE_TENANT_ID") {
        let expected = "no value without AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_SECRET or \
                        AZURE_CLIENT_CERTIFICATE_PATH: managed identities have no tenant";
        reject(merged, "AZURE_TENANT_ID", Some(expected));
    }
    let endpoint = ["IDENTITY_ENDPOINT", "IDENTITY_HEADER"];
    for (variable, other) in [(endpoint[0], endpoint[1]), (endpoint[1], endpoint[0])] {
        if is_set(merged, other) && !is_set(merged, variable) {
            let expected = "a value with the other of IDENTITY_ENDPOINT and IDENTITY_HEADER: App \
                            Service and Container Apps set both";
            reject(merged, variable, Some(expected));
        }
    }
    for variable in ["IDENTITY_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST"] {
        let url: Option<String> = merged.get(variable);
        if url.is_some_and(|url| http_url(&url).is_none()) {
            reject(merged, variable, Some("a URL such as http://169.254.169.254"));
        }
    }
}

fn is_set(merged: &Merged, variable: &str) -> bool {
    merged.get::<String>(variable).is_some()
}

impl Settings {
    /// Returns the source of the models' access tokens, if one needs them.
    ///
    /// # Errors
    /// If the client can't be set up.
    pub(crate) fn token_source(&self) -> Result<Option<Arc<dyn TokenSource>>, SetupError> {
        let deployments = self.models.iter().flat_map(|model| &model.deployments);
        let mut methods = deployments.map(|deployment| deployment.auth).chain([self.model.auth]);
        if !methods.any(|auth| auth == Auth::Entra) {
            return Ok(None);
        }
        // It is complete, because the settings are checked.
        let credential = self.entra.credential().ok_or(SetupError::Credential)?;
        let proxy = match &credential {
            EntraCredential::Application { authority, .. } => self.model.proxy_for(authority),
            EntraCredential::ManagedIdentity { .. } => None,
        };
        let tokens = EntraTokens::new(webchat_llm::EntraSettings {
            credential,
            scope: self.entra.scope.clone(),
            connect_timeout: Duration::from_secs(self.model.connect_timeout_s),
            proxy,
        })?;
        Ok(Some(Arc::new(tokens)))
    }
}

impl EntraSettings {
    /// Returns the credential, or `None` if it is not complete.
    fn credential(&self) -> Option<EntraCredential> {
        if let Some(proof) = self.proof() {
            return Some(EntraCredential::Application {
                authority: authority_url(&self.authority_host)?,
                tenant_id: self.tenant_id.clone()?,
                client_id: self.client_id.clone()?,
                proof,
            });
        }
        let endpoint = match &self.identity_endpoint {
            Some(url) => ManagedIdentityEndpoint::AppService {
                url: http_url(url)?,
                header: self.identity_header.clone()?,
            },
            None => ManagedIdentityEndpoint::VirtualMachine { host: http_url(&self.imds_host)? },
        };
        Some(EntraCredential::ManagedIdentity { endpoint, client_id: self.client_id.clone() })
    }

    fn proof(&self) -> Option<ApplicationProof> {
        let file = self.federated_token_file.as_ref();
        let file = file.map(|path| ApplicationProof::FederatedToken(path.into()));
        let secret = || self.client_secret.clone().map(ApplicationProof::Secret);
        let certificate = || self.client_certificate_path.as_ref();
        file.or_else(secret)
            .or_else(|| certificate().map(|path| ApplicationProof::Certificate(path.into())))
    }
}

/// Parses the address of Entra ID, of which Azure's libraries also accept the host alone. Secrets are sent to it, so it
/// must use HTTPS, unless it is on this machine.
fn authority_url(text: &str) -> Option<Url> {
    let with_scheme = if text.contains("://") { text } else { &format!("https://{text}") };
    let url = http_url(with_scheme)?;
    let is_local = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    (url.scheme() == "https" || is_local).then_some(url)
}
