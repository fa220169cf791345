//! The keys with which a provider signs its tokens.

use openidconnect::core::CoreJsonWebKeySet;

use crate::error::OidcError;
use crate::http::Http;

/// Reads the keys.
pub(crate) async fn read(url: &str, http: &Http) -> Result<CoreJsonWebKeySet, OidcError> {
    let body = http.get(url, None).await?;
    serde_json::from_slice(&body).map_err(|_| OidcError::Invalid("its keys are invalid".to_owned()))
}
