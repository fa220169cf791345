//! Access tokens of Microsoft Entra ID for Azure OpenAI, without keys.
//!
//! The requests are those of Microsoft's own libraries, `azure-identity` and MSAL; each file names its sources.

mod application;
mod assertion;
mod endpoint;
mod managed_identity;
mod refusal;
mod settings;
mod token_response;

use async_trait::async_trait;

use self::application::Application;
use self::managed_identity::ManagedIdentity;
pub use self::settings::{
    ApplicationProof, EntraCredential, EntraSettings, ManagedIdentityEndpoint,
};
use crate::{AccessToken, SetupError, TokenError, TokenSource};

/// Access tokens of Microsoft Entra ID.
pub struct EntraTokens {
    description: String,
    source: Source,
}

enum Source {
    Application(Application),
    ManagedIdentity(ManagedIdentity),
}

impl EntraTokens {
    /// Creates a source of tokens. It connects when the first one is requested.
    ///
    /// # Errors
    ///
    /// When the settings can't work.
    pub fn new(settings: EntraSettings) -> Result<Self, SetupError> {
        let description = settings.credential.describe();
        let EntraSettings { credential, scope, connect_timeout, proxy } = settings;
        let source = match credential {
            EntraCredential::Application { authority, tenant_id, client_id, proof } => {
                let endpoint =
                    application::endpoint(authority, &tenant_id, connect_timeout, proxy)?;
                Source::Application(Application { endpoint, client_id, proof, scope })
            }
            EntraCredential::ManagedIdentity { endpoint, client_id } => {
                Source::ManagedIdentity(ManagedIdentity::new(endpoint, client_id, &scope)?)
            }
        };
        Ok(Self { description, source })
    }
}

#[async_trait]
impl TokenSource for EntraTokens {
    fn description(&self) -> &str {
        &self.description
    }

    async fn request_token(&self) -> Result<AccessToken, TokenError> {
        match &self.source {
            Source::Application(application) => application.request_token().await,
            Source::ManagedIdentity(identity) => identity.request_token().await,
        }
    }
}
