//! The metadata of a provider, read when they are first needed and cached.

use std::sync::Arc;
use std::time::Duration;

use openidconnect::{EndSessionUrl, ProviderMetadataWithLogout, TokenUrl, UserInfoUrl, core};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use crate::error::OidcError;
use crate::http::Http;
use crate::issuer::Issuer;

/// The time after which metadata and keys are read again.
pub(crate) const MAX_AGE: Duration = Duration::from_hours(1);

/// The time after a failure in which the provider is not asked again.
pub(crate) const FAILURE_PAUSE: Duration = Duration::from_secs(5);

/// The metadata of a provider.
pub(crate) struct Metadata {
    pub(crate) document: ProviderMetadataWithLogout,
    pub(crate) issuer: Issuer,
}

/// Reads the metadata, and caches them.
pub(crate) struct Discovery {
    issuer: String,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    metadata: Option<(Instant, Arc<Metadata>)>,
    failed_at: Option<Instant>,
}

impl Discovery {
    pub(crate) fn new(issuer: String) -> Self {
        Self { issuer, cache: Mutex::default() }
    }

    /// Returns the metadata. If they can't be read again, the cached ones are used.
    pub(crate) async fn metadata(&self, http: &Http) -> Result<Arc<Metadata>, OidcError> {
        // Concurrent callers wait for one request.
        let mut cache = self.cache.lock().await;
        if let Some((read_at, metadata)) = &cache.metadata
            && read_at.elapsed() < MAX_AGE
        {
            return Ok(Arc::clone(metadata));
        }
        let stale = cache.metadata.as_ref().map(|(_, metadata)| Arc::clone(metadata));
        if cache.failed_at.is_some_and(|failed_at| failed_at.elapsed() < FAILURE_PAUSE) {
            return stale.ok_or_else(|| OidcError::Unavailable("it has just failed".to_owned()));
        }
        // If this call is cancelled, the next one does not wait as long.
        cache.failed_at = Some(Instant::now());
        match self.read(http).await {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                *cache = Cache {
                    metadata: Some((Instant::now(), Arc::clone(&metadata))),
                    failed_at: None,
                };
                Ok(metadata)
            }
            Err(error) => {
                cache.failed_at = Some(Instant::now());
                stale.ok_or(error)
            }
        }
    }

    async fn read(&self, http: &Http) -> Result<Metadata, OidcError> {
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let invalid = |what: &str| OidcError::Invalid(what.to_owned());
        let body = http.get(&url, None).await?;
        let document: ProviderMetadataWithLogout =
            serde_json::from_slice(&body).map_err(|_| invalid("its metadata are invalid"))?;
        let issuer = Issuer::new(&self.issuer, document.issuer().as_str())?;
        let end_session = document.additional_metadata().end_session_endpoint.as_ref();
        let endpoints = [
            Some(document.authorization_endpoint().url()),
            document.token_endpoint().map(TokenUrl::url),
            document.userinfo_endpoint().map(UserInfoUrl::url),
            Some(document.jwks_uri().url()),
            end_session.map(EndSessionUrl::url),
        ];
        let is_https = self.issuer.starts_with("https:");
        let is_allowed =
            |url: &&Url| url.scheme() == "https" || !is_https && url.scheme() == "http";
        if !endpoints.iter().flatten().all(is_allowed) {
            return Err(invalid("an endpoint in its metadata is not an https URL"));
        }
        let code = core::CoreResponseType::Code;
        if !document.response_types_supported().iter().any(|types| **types == [code.clone()]) {
            return Err(invalid("it does not support the authorization code flow"));
        }
        Ok(Metadata { document, issuer })
    }
}
