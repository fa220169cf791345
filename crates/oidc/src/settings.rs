//! The settings of a provider.

use secrecy::SecretString;
use url::Url;

/// The operator's settings for a provider. The secret is not in debug output.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// Identifies the provider in paths: letters, digits and hyphens.
    pub id: String,
    /// The name that users see.
    pub name: String,
    /// The issuer, exactly as the provider writes it. With Entra ID, its path may begin with `common` or
    /// `organizations`.
    pub issuer: String,
    /// The client id that the provider has assigned.
    pub client_id: String,
    /// The client secret; `None` for a public client.
    pub client_secret: Option<SecretString>,
    /// The scopes in addition to `openid`.
    pub scopes: Vec<String>,
    /// The URL to which the provider sends the browser back.
    pub redirect_uri: Url,
    /// With Entra ID, the ids of the tenants whose users may sign in; all if there are none.
    pub allowed_tenants: Vec<String>,
}
