//! A provider: sign-in, sign-out, and the logout tokens that it sends.

use std::fmt;
use std::sync::Arc;

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim,
    CoreJsonWebKey, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
    CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessToken, AuthType, AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret,
    CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields,
    Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, Scope, StandardErrorResponse, StandardTokenResponse, TokenResponse,
};
use reqwest::Client as HttpClient;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;
use webchat_domain::Timestamp;

use crate::claims::Claims;
use crate::discovery::{self, Metadata};
use crate::document_cache::DocumentCache;
use crate::error::{OidcError, loggable_code};
use crate::http::{Http, within};
use crate::id_token::{self, Expected, IdToken, OtherClaims, VerificationError};
use crate::issuer::Issuer;
use crate::keys;
use crate::logout_token::{self, LogoutToken};
use crate::settings::ProviderSettings;

type Fields = IdTokenFields<
    OtherClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type Client = openidconnect::Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A provider that signs users in. Clones share its caches.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

struct Inner {
    settings: ProviderSettings,
    http: Http,
    metadata: DocumentCache<Metadata>,
    keys: DocumentCache<CoreJsonWebKeySet>,
}

/// What a browser must keep until the provider sends it back. It is secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct SignInSecrets {
    nonce: String,
    pkce_verifier: String,
}

impl fmt::Debug for SignInSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignInSecrets([redacted])")
    }
}

/// The request with which a browser asks the provider to sign its user in.
#[derive(Debug)]
pub struct AuthorizationRequest {
    /// Where the browser must go. It contains `state`.
    pub url: Url,
    /// What the provider sends back with the browser: 128 random bits.
    pub state: String,
    /// What is needed to complete the sign-in.
    pub secrets: SignInSecrets,
}

impl Provider {
    /// Creates the client of a provider. `client` must not follow redirects.
    #[must_use]
    pub fn new(settings: ProviderSettings, client: HttpClient) -> Self {
        Self(Arc::new(Inner {
            http: Http::new(client),
            metadata: DocumentCache::default(),
            keys: DocumentCache::default(),
            settings,
        }))
    }

    /// Returns what identifies the provider in paths.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.settings.id
    }

    /// Returns the name that users see.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.settings.name
    }

    /// Begins a sign-in.
    ///
    /// # Errors
    /// If the metadata of the provider can't be read within 10 s, or are invalid.
    pub async fn begin(&self) -> Result<AuthorizationRequest, OidcError> {
        let metadata = within(self.metadata()).await?;
        let client = self.client(&metadata)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let scopes = self.0.settings.scopes.iter().cloned().map(Scope::new);
        let (url, state, nonce) = client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(scopes)
            .set_pkce_challenge(challenge)
            .url();
        let secrets = SignInSecrets {
            nonce: nonce.secret().clone(),
            pkce_verifier: verifier.secret().clone(),
        };
        Ok(AuthorizationRequest { url, state: state.secret().clone(), secrets })
    }

    /// Completes a sign-in with the code from the provider, and returns the verified claims.
    /// `is_complete` says whether these suffice; otherwise, those that the provider's userinfo endpoint returns are
    /// added.
    ///
    /// # Errors
    /// If the provider does not respond within 10 s, refuses the code, or returns something invalid.
    pub async fn complete(
        &self,
        code: String,
        secrets: SignInSecrets,
        now: Timestamp,
        is_complete: impl Fn(&Claims) -> bool,
    ) -> Result<Claims, OidcError> {
        within(async {
            let metadata = self.metadata().await?;
            let verifier = PkceCodeVerifier::new(secrets.pkce_verifier);
            let (id_token, access_token) = self.exchange(&metadata, code, verifier).await?;
            let nonce = Nonce::new(secrets.nonce);
            let expected = Expected {
                client_id: &self.0.settings.client_id,
                metadata: &metadata,
                allowed_tenants: &self.0.settings.allowed_tenants,
                nonce: &nonce,
                access_token: &access_token,
                now,
            };
            let mut claims = self
                .with_keys(&metadata, |keys| id_token::verify(&id_token, keys, &expected))
                .await?;
            if !is_complete(&claims) {
                self.add_user_info(&metadata, &access_token, &mut claims).await?;
            }
            Ok(claims)
        })
        .await
    }

    /// Checks the `iss` parameter of the provider's response, if there is one (RFC 9207).
    ///
    /// # Errors
    /// If the metadata can't be read, or name another issuer.
    pub async fn check_response_issuer(&self, issuer: &str) -> Result<(), OidcError> {
        let metadata = within(self.metadata()).await?;
        match &metadata.issuer {
            Issuer::Exact(expected) if expected != issuer => {
                Err(OidcError::Invalid("the response names another issuer".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Returns the address at which a user signs out of the provider and returns to `return_url`; `None` if the provider
    /// has none, or its metadata can't be read.
    pub async fn sign_out_url(&self, return_url: &Url) -> Option<Url> {
        let metadata = within(self.metadata()).await.ok()?;
        let end_session = metadata.document.additional_metadata().end_session_endpoint.as_ref()?;
        let mut url = end_session.url().clone();
        url.query_pairs_mut()
            .append_pair("client_id", &self.0.settings.client_id)
            .append_pair("post_logout_redirect_uri", return_url.as_str());
        Some(url)
    }

    /// Verifies a logout token. The caller must accept it only once.
    ///
    /// # Errors
    /// If the token is invalid, or the keys can't be read within 10 s.
    pub async fn verify_logout_token(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<LogoutToken, OidcError> {
        within(async {
            let metadata = self.metadata().await?;
            let client_id = &self.0.settings.client_id;
            self.with_keys(&metadata, |keys| {
                logout_token::verify(token, keys, &metadata.issuer, client_id, now)
            })
            .await
        })
        .await
    }

    async fn metadata(&self) -> Result<Arc<Metadata>, OidcError> {
        let read = discovery::read(&self.0.settings.issuer, &self.0.http);
        Ok(self.0.metadata.current(read).await?.content)
    }

    fn client(&self, metadata: &Metadata) -> Result<Client, OidcError> {
        let settings = &self.0.settings;
        let secret = settings.client_secret.as_ref();
        let secret = secret.map(|secret| ClientSecret::new(secret.expose_secret().to_owned()));
        let methods = metadata.document.token_endpoint_auth_methods_supported();
        let has = |method| methods.is_some_and(|methods| methods.contains(&method));
        let is_in_body = secret.is_none()
            || has(CoreClientAuthMethod::ClientSecretPost)
                && !has(CoreClientAuthMethod::ClientSecretBasic);
        let auth_type = if is_in_body { AuthType::RequestBody } else { AuthType::BasicAuth };
        let redirect_uri = RedirectUrl::new(settings.redirect_uri.to_string())
            .map_err(|_| OidcError::Invalid("the redirect URI".to_owned()))?;
        let client_id = ClientId::new(settings.client_id.clone());
        Ok(Client::from_provider_metadata(metadata.document.clone(), client_id, secret)
            .set_auth_type(auth_type)
            .set_redirect_uri(redirect_uri))
    }

    /// Exchanges a code for an ID token and an access token.
    async fn exchange(
        &self,
        metadata: &Metadata,
        code: String,
        verifier: PkceCodeVerifier,
    ) -> Result<(IdToken, AccessToken), OidcError> {
        let invalid = |what: &str| OidcError::Invalid(what.to_owned());
        let client = self.client(metadata)?;
        let request = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|_| invalid("it has no token endpoint"))?
            .set_pkce_verifier(verifier);
        let tokens = request.request_async(&self.0.http).await.map_err(|error| match error {
            RequestTokenError::ServerResponse(response) => {
                OidcError::Refused(loggable_code(response.error().as_ref()))
            }
            RequestTokenError::Request(error) => OidcError::Unavailable(error.to_string()),
            _ => invalid("its response to the code is invalid"),
        })?;
        let id_token = tokens.id_token().ok_or_else(|| invalid("there is no ID token"))?.clone();
        Ok((id_token, tokens.access_token().clone()))
    }

    /// Verifies a token with the cached keys. If its key is not among them, the provider may have rotated its keys: reads
    /// them again, once.
    async fn with_keys<T>(
        &self,
        metadata: &Metadata,
        verify: impl Fn(&CoreJsonWebKeySet) -> Result<T, VerificationError>,
    ) -> Result<T, OidcError> {
        let unknown = || OidcError::Invalid("an unknown key has signed the token".to_owned());
        let (http, url) = (&self.0.http, metadata.document.jwks_uri().as_str());
        let known = self.0.keys.current(keys::read(url, http)).await?;
        match verify(&known.content) {
            Ok(verified) => return Ok(verified),
            Err(VerificationError::Invalid(error)) => return Err(error),
            Err(VerificationError::UnknownKey) => {}
        }
        let newer = self.0.keys.newer_than(&known, keys::read(url, http)).await?;
        verify(&newer.ok_or_else(unknown)?.content).map_err(|error| match error {
            VerificationError::UnknownKey => unknown(),
            VerificationError::Invalid(error) => error,
        })
    }

    /// Adds the claims that the userinfo endpoint returns, if there is one.
    async fn add_user_info(
        &self,
        metadata: &Metadata,
        access_token: &AccessToken,
        claims: &mut Claims,
    ) -> Result<(), OidcError> {
        let Some(url) = metadata.document.userinfo_endpoint() else { return Ok(()) };
        let body = self.0.http.get(url.as_str(), Some(access_token.secret())).await?;
        let values: Map<String, Value> = serde_json::from_slice(&body)
            .map_err(|_| OidcError::Invalid("its userinfo is invalid".to_owned()))?;
        // Otherwise, they may be about another user.
        if values.get("sub").and_then(Value::as_str) != Some(&claims.subject) {
            return Err(OidcError::Invalid("its userinfo is about another user".to_owned()));
        }
        claims.add_missing(values);
        Ok(())
    }
}
