//! The issuer of a provider's tokens.

use crate::error::OidcError;

/// What the metadata of Entra ID have in place of the tenant, if users of several tenants may sign in.
const TENANT: &str = "{tenantid}";

/// The parts of the configured issuer that stand for several tenants.
const TENANT_GROUPS: [&str; 3] = ["common", "organizations", "consumers"];

/// The maximum length of a tenant's id in bytes.
const MAX_TENANT_BYTES: usize = 64;

/// The issuer that the tokens of a provider must name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Issuer {
    /// Exactly this one.
    Exact(String),
    /// This one with the tenant of the user.
    OfTenant(String),
}

impl Issuer {
    /// Checks the issuer in the metadata.
    ///
    /// # Errors
    /// If it is not the configured one, nor that of its tenants.
    pub(crate) fn new(configured: &str, published: &str) -> Result<Self, OidcError> {
        if published == configured {
            return Ok(Self::Exact(published.to_owned()));
        }
        let is_template = TENANT_GROUPS.iter().any(|group| {
            published.contains(TENANT) && published.replace(TENANT, group) == configured
        });
        if is_template {
            return Ok(Self::OfTenant(published.to_owned()));
        }
        Err(OidcError::Invalid("its metadata name another issuer".to_owned()))
    }

    /// Checks the issuer of a token, and the tenant that it names.
    ///
    /// # Errors
    /// If the issuer is another one, or the tenant is not among `allowed_tenants`, unless there are none.
    pub(crate) fn check(
        &self,
        issuer: &str,
        tenant: Option<&str>,
        allowed_tenants: &[String],
    ) -> Result<(), OidcError> {
        let is_expected = match self {
            Self::Exact(expected) => issuer == expected,
            Self::OfTenant(template) => tenant.is_some_and(|tenant| {
                is_tenant_id(tenant) && template.replace(TENANT, tenant) == issuer
            }),
        };
        if !is_expected {
            return Err(OidcError::Invalid("the token names another issuer".to_owned()));
        }
        let is_allowed = allowed_tenants.is_empty()
            || tenant.is_some_and(|tenant| {
                allowed_tenants.iter().any(|allowed| allowed.eq_ignore_ascii_case(tenant))
            });
        if is_allowed { Ok(()) } else { Err(OidcError::TenantNotAllowed) }
    }
}

fn is_tenant_id(text: &str) -> bool {
    (1..=MAX_TENANT_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMON: &str = "https://login.example/common/v2.0";
    const TEMPLATE: &str = "https://login.example/{tenantid}/v2.0";
    const TENANT_ID: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

    #[test]
    fn the_metadata_must_name_the_configured_issuer_or_a_template_of_it() {
        assert!(Issuer::new("https://a.example", "https://a.example").is_ok());
        assert_eq!(Issuer::new(COMMON, TEMPLATE).unwrap(), Issuer::OfTenant(TEMPLATE.to_owned()));
        for (configured, published) in [
            ("https://a.example", "https://a.example/"),
            ("https://a.example", "https://b.example"),
            ("https://login.example/contoso/v2.0", TEMPLATE),
            (COMMON, "https://evil.example/{tenantid}/v2.0"),
        ] {
            assert!(Issuer::new(configured, published).is_err(), "{published}");
        }
    }

    #[test]
    fn the_tenant_of_the_token_completes_the_template() {
        let issuer = Issuer::new(COMMON, TEMPLATE).unwrap();
        let of_tenant = format!("https://login.example/{TENANT_ID}/v2.0");

        assert!(issuer.check(&of_tenant, Some(TENANT_ID), &[]).is_ok());
        assert!(issuer.check(&of_tenant, Some(TENANT_ID), &[TENANT_ID.to_uppercase()]).is_ok());
        let other = issuer.check(&of_tenant, Some(TENANT_ID), &["other".to_owned()]);
        assert!(matches!(other, Err(OidcError::TenantNotAllowed)));
        for (named, tenant) in [
            (of_tenant.as_str(), None),
            (of_tenant.as_str(), Some("other")),
            (COMMON, Some(TENANT_ID)),
            (TEMPLATE, Some("{tenantid}")),
            ("https://login.example/a/b/v2.0", Some("a/b")),
        ] {
            assert!(issuer.check(named, tenant, &[]).is_err(), "{named} {tenant:?}");
        }
    }
}
