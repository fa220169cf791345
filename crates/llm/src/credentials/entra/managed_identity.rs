//! Tokens of a managed identity: from the endpoint of App Service and Container Apps, or from the Instance Metadata
//! Service (IMDS) of a virtual machine.
//!
//! Sources: <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>,
//! <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>, and `imds.py` and
//! `app_service.py` of azure-identity for Python.

use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use webchat_domain::{Clock, SystemClock};

use super::endpoint::Endpoint;
use super::refusal::managed_identity_error;
use super::settings::ManagedIdentityEndpoint;
use super::token_response::read_token;
use crate::{AccessToken, SetupError, TokenError};

/// The maximum time to connect. The endpoints are on the same machine: elsewhere, nothing answers at their address.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

const IMDS_PATH: [&str; 4] = ["metadata", "identity", "oauth2", "token"];
const IMDS_VERSION: &str = "2018-02-01";
const APP_SERVICE_VERSION: &str = "2019-08-01";

/// The identity of the machine or service on which the server runs.
pub(super) struct ManagedIdentity {
    endpoint: Endpoint,
    /// The header without which the endpoint refuses requests, so that no other site can send them by a browser or a
    /// redirect.
    header: (HeaderName, HeaderValue),
    is_virtual_machine: bool,
}

impl ManagedIdentity {
    pub(super) fn new(
        endpoint: ManagedIdentityEndpoint,
        client_id: Option<String>,
        scope: &str,
    ) -> Result<Self, SetupError> {
        let (mut url, version, header, is_virtual_machine) = match endpoint {
            ManagedIdentityEndpoint::AppService { url, header } => {
                let value = HeaderValue::try_from(header.expose_secret());
                let mut value = value.map_err(|_| SetupError::Credential)?;
                value.set_sensitive(true);
                let header = (HeaderName::from_static("x-identity-header"), value);
                (url, APP_SERVICE_VERSION, header, false)
            }
            ManagedIdentityEndpoint::VirtualMachine { mut host } => {
                host.path_segments_mut()
                    .map_err(|()| SetupError::Credential)?
                    .pop_if_empty()
                    .extend(IMDS_PATH);
                let header =
                    (HeaderName::from_static("metadata"), HeaderValue::from_static("true"));
                (host, IMDS_VERSION, header, true)
            }
        };
        // These endpoints take the resource of the first version of Entra ID's API, not a scope.
        let resource = scope.strip_suffix("/.default").unwrap_or(scope);
        url.query_pairs_mut()
            .append_pair("api-version", version)
            .append_pair("resource", resource)
            .extend_pairs(client_id.map(|id| ("client_id", id)));
        // A proxy would have another identity, or none.
        let endpoint = Endpoint::new(url, CONNECT_TIMEOUT, None)?;
        Ok(Self { endpoint, header, is_virtual_machine })
    }

    pub(super) async fn request_token(&self) -> Result<AccessToken, TokenError> {
        let (name, value) = &self.header;
        let request = self.endpoint.client.get(self.endpoint.url.clone()).header(name, value);
        let response = self.endpoint.send(request).await.map_err(|error| self.explained(error))?;
        if response.status.is_success() {
            return read_token(&response.body, SystemClock.now());
        }
        Err(managed_identity_error(&response, &self.endpoint.host()))
    }

    /// Adds what was looked for, if there is no endpoint.
    fn explained(&self, error: TokenError) -> TokenError {
        if !self.is_virtual_machine {
            return error;
        }
        TokenError::unavailable(format!(
            "no credential of Entra ID was found: AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_SECRET, \
             AZURE_CLIENT_CERTIFICATE_PATH and IDENTITY_ENDPOINT are not set, and this is no virtual machine of \
             Azure with a managed identity: {error}"
        ))
    }
}
