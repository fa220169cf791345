//! An identity provider.

use config::ValueKind;
use secrecy::SecretString;
use webchat_domain::GroupName;

use super::super::declaration::section;
use super::super::kind::{Kind, http_url};
use super::server::texts;
use super::sessions::DOMAINS;

/// The first characters of the variables of all identity providers.
pub(in crate::settings) const OIDC_PREFIX: &str = "OIDC_";

const ISSUER: Kind = Kind::text(
    "an https URL without a query, exactly as the provider writes it; http only for this machine",
    is_issuer,
);

const SECRET: Kind = Kind::secret("the client secret", |text| !text.is_empty());

const SCOPES: Kind = Kind::List {
    items: "scopes",
    example: "profile,email",
    is_valid: |text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()),
};

const TENANTS: Kind = Kind::List {
    items: "ids of tenants",
    example: "aaaabbbb-0000-cccc-1111-dddd2222eeee",
    is_valid: |text| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    },
};

const GROUPS: Kind =
    Kind::List { items: "groups", example: "webchat-admins,it", is_valid: |text| !text.is_empty() };

const STORED_GROUPS: Kind = Kind::List {
    items: "groups",
    example: "research,law",
    is_valid: |text| text.parse::<GroupName>().is_ok(),
};

section! {
    OidcSettings: [oidc], "Identity provider" {
        /// The issuer of an OpenID Connect provider with which users sign in, exactly as the provider writes it, for example
        /// https://accounts.google.com. Needs AUTH=optional or required, and PUBLIC_URL: the provider must know the
        /// redirect URI PUBLIC_URL/api/v1/auth/oidc/sso/callback. With OIDC_PROVIDERS, several providers can be used, whose
        /// ids replace sso.
        OIDC_ISSUER => issuer: Option<String>, ISSUER;

        /// The client id and secret that the provider has assigned to Webchat. A public client has no secret.
        OIDC_CLIENT_ID => client_id: Option<String>, Kind::TEXT;
        OIDC_CLIENT_SECRET => client_secret: Option<SecretString>, SECRET;

        /// The name of the provider, as users see it.
        OIDC_NAME => name: String = "single sign-on", Kind::TEXT;

        /// The scopes that are requested in addition to openid, separated by commas.
        #[serde(deserialize_with = "texts")]
        OIDC_SCOPES => scopes: Vec<String> = "profile,email", SCOPES;

        /// Whether a user whose e-mail address the provider has verified signs in to the account with this address as its
        /// name. Switch it on only if the provider verifies addresses, and nobody can get the address of somebody else.
        OIDC_TRUST_EMAIL => trust_email: bool = "off", Kind::Switch;

        /// The domains of verified e-mail addresses whose users may sign in, separated by commas; by default all.
        #[serde(deserialize_with = "texts")]
        OIDC_ALLOWED_DOMAINS => allowed_domains: Vec<String>, DOMAINS;

        /// With Entra ID and an issuer of several tenants (common or organizations), the ids of the tenants whose users may
        /// sign in, separated by commas; by default all.
        #[serde(deserialize_with = "texts")]
        OIDC_ALLOWED_TENANTS => allowed_tenants: Vec<String>, TENANTS;

        /// The claim with the user's groups or roles, or a path to it such as realm_access.roles, and the groups whose
        /// members are administrators or auditors, separated by commas.
        OIDC_ROLE_CLAIM => role_claim: String = "groups", Kind::TEXT;
        #[serde(deserialize_with = "texts")]
        OIDC_ADMIN_GROUPS => admin_groups: Vec<String>, GROUPS;
        #[serde(deserialize_with = "texts")]
        OIDC_AUDITOR_GROUPS => auditor_groups: Vec<String>, GROUPS;

        /// The claim with the groups that the user belongs to in Webchat, or a path to it, for example groups. By default,
        /// none are stored. OIDC_STORED_GROUPS names those that are stored, separated by commas; by default all. A user
        /// can have 200 of a provider.
        OIDC_GROUP_CLAIM => group_claim: Option<String>, Kind::TEXT;
        #[serde(deserialize_with = "texts")]
        OIDC_STORED_GROUPS => stored_groups: Vec<String>, STORED_GROUPS;
    }
}

fn is_issuer(text: &str) -> bool {
    let Some(url) = http_url(text) else { return false };
    let host = url.host_str().unwrap_or_default();
    let is_local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    is_plain && (url.scheme() == "https" || is_local)
}

/// Whether a key of the section `[oidc]` is the table of a further provider, which is checked with its provider.
pub(in crate::settings) fn is_provider_table(section: &str, value: &ValueKind) -> bool {
    section == OidcSettings::SECTION.name && matches!(value, ValueKind::Table(_))
}

/// Returns what stands for a further provider in the name of its variable: `ENTRA` in `OIDC_ENTRA_NAME`.
pub(in crate::settings) fn provider_in(variable: &str) -> Option<&str> {
    let name = variable.strip_prefix(OIDC_PREFIX)?;
    OidcSettings::SECTION.settings.iter().find_map(|setting| {
        let provider = name.strip_suffix(setting.variable.strip_prefix(OIDC_PREFIX)?)?;
        provider.strip_suffix('_').filter(|provider| !provider.is_empty())
    })
}
