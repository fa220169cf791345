//! The metadata of a provider.

use openidconnect::{EndSessionUrl, ProviderMetadataWithLogout, TokenUrl, UserInfoUrl, core};
use url::Url;

use crate::error::OidcError;
use crate::http::Http;
use crate::issuer::Issuer;

/// The metadata of a provider.
pub(crate) struct Metadata {
    pub(crate) document: ProviderMetadataWithLogout,
    pub(crate) issuer: Issuer,
}

/// Reads the metadata.
pub(crate) async fn read(configured: &str, http: &Http) -> Result<Metadata, OidcError> {
    let url = format!("{}/.well-known/openid-configuration", configured.trim_end_matches('/'));
    let invalid = |what: &str| OidcError::Invalid(what.to_owned());
    let body = http.get(&url, None).await?;
    let document: ProviderMetadataWithLogout =
        serde_json::from_slice(&body).map_err(|_| invalid("its metadata are invalid"))?;
    let issuer = Issuer::new(configured, document.issuer().as_str())?;
    let end_session = document.additional_metadata().end_session_endpoint.as_ref();
    let endpoints = [
        Some(document.authorization_endpoint().url()),
        document.token_endpoint().map(TokenUrl::url),
        document.userinfo_endpoint().map(UserInfoUrl::url),
        Some(document.jwks_uri().url()),
        end_session.map(EndSessionUrl::url),
    ];
    let is_https = configured.starts_with("https:");
    let is_allowed = |url: &&Url| url.scheme() == "https" || !is_https && url.scheme() == "http";
    if !endpoints.iter().flatten().all(is_allowed) {
        return Err(invalid("an endpoint in its metadata is not an https URL"));
    }
    let code = core::CoreResponseType::Code;
    if !document.response_types_supported().iter().any(|types| **types == [code.clone()]) {
        return Err(invalid("it does not support the authorization code flow"));
    }
    Ok(Metadata { document, issuer })
}
