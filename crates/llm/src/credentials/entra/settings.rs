//! The identity of the server at Entra ID.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::ProxySettings;

/// The settings of an [`EntraTokens`](crate::EntraTokens).
#[derive(Clone, Debug)]
pub struct EntraSettings {
    /// Who the server is.
    pub credential: EntraCredential,
    /// What the tokens are for: `https://cognitiveservices.azure.com/.default`.
    pub scope: String,
    /// The maximum time to connect to the authority.
    pub connect_timeout: Duration,
    /// The proxy to use for the authority. Endpoints of managed identities are always reached directly.
    pub proxy: Option<ProxySettings>,
}

/// Who the server is, and how it proves that.
#[derive(Clone, Debug)]
pub enum EntraCredential {
    /// An application or a user-assigned identity of a tenant.
    Application {
        /// The address of Entra ID: `https://login.microsoftonline.com/`.
        authority: Url,
        /// The id or a domain of the tenant.
        tenant_id: String,
        /// The id of the application or identity.
        client_id: String,
        /// What proves it.
        proof: ApplicationProof,
    },
    /// The identity of the machine or service on which the server runs.
    ManagedIdentity {
        /// Where the tokens come from.
        endpoint: ManagedIdentityEndpoint,
        /// The id of a user-assigned identity, or `None` for the system-assigned one.
        client_id: Option<String>,
    },
}

/// What proves that the server is an application. Files are read again for each token, because they are replaced
/// from time to time.
#[derive(Clone, Debug)]
pub enum ApplicationProof {
    /// The path of a file with a token of another issuer, such as Kubernetes, that Entra ID trusts.
    FederatedToken(PathBuf),
    /// A secret of the application.
    Secret(SecretString),
    /// The path of a PEM file with a certificate and its unencrypted RSA key.
    Certificate(PathBuf),
}

/// Where the tokens of a managed identity come from.
#[derive(Clone, Debug)]
pub enum ManagedIdentityEndpoint {
    /// The endpoint of App Service, Container Apps or Functions.
    AppService {
        /// Its address.
        url: Url,
        /// The secret that requests must have.
        header: SecretString,
    },
    /// The Instance Metadata Service (IMDS) of a virtual machine.
    VirtualMachine {
        /// Its address: `http://169.254.169.254`.
        host: Url,
    },
}

impl EntraCredential {
    /// Describes the identity for the log, without secrets.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Application { client_id, proof, .. } => {
                let proof = match proof {
                    ApplicationProof::FederatedToken(_) => "workload identity",
                    ApplicationProof::Secret(_) => "client secret",
                    ApplicationProof::Certificate(_) => "client certificate",
                };
                format!("{proof} of {client_id}")
            }
            Self::ManagedIdentity { endpoint, client_id } => {
                let host = match endpoint {
                    ManagedIdentityEndpoint::AppService { .. } => "App Service or Container Apps",
                    ManagedIdentityEndpoint::VirtualMachine { .. } => "the virtual machine",
                };
                let identity = client_id.as_deref().unwrap_or("system-assigned");
                format!("managed identity of {host} ({identity})")
            }
        }
    }
}
