//! Signs users in with identity providers, and out when they sign out there.

use std::sync::Arc;

use url::Url;
use webchat_domain::{Account, Actor, IdentityKey, Network, ProviderSession, Session, Timestamp};
use webchat_oidc::{AuthorizationRequest, Claims, LogoutToken, SignInSecrets};
use webchat_persistence::Conversations;

use super::error::ProviderSignInError;
use super::replay_guard::ReplayGuard;
use super::settings::{IdentityProvider, SingleSignOn};
use crate::accounts::attempts::{Origin, SignInAttempts};
use crate::accounts::audit::Audit;
use crate::accounts::ports::AccountPorts;
use crate::accounts::service::Accounts;
use crate::error::ChatError;

/// The use cases of identity providers.
#[derive(Clone)]
pub struct IdentityProviders {
    pub(super) accounts: Accounts,
    pub(super) audit: Audit,
    pub(super) ports: AccountPorts,
    pub(super) conversations: Arc<dyn Conversations>,
    pub(super) settings: Arc<SingleSignOn>,
    replays: Arc<ReplayGuard>,
    attempts: Arc<SignInAttempts>,
}

/// What a provider sends back with the browser.
#[derive(Clone)]
pub struct ProviderResponse {
    /// The provider's authorization code.
    pub code: String,
    /// The state, which the browser must have got from this server.
    pub state: String,
    /// The issuer, if the provider names it.
    pub issuer: Option<String>,
}

/// The browser that signs in.
#[derive(Clone, Debug)]
pub struct SigningBrowser {
    /// The browser and system, for the list of sessions; empty if unknown.
    pub user_agent: String,
    /// The anonymous session of the browser, if its conversations should become those of the account at the first
    /// sign-in.
    pub adopted: Option<Session>,
    /// The network of the client.
    pub network: Network,
    /// The client, for the audit log.
    pub actor: Actor,
}

impl IdentityProviders {
    pub(crate) fn new(
        accounts: Accounts,
        ports: AccountPorts,
        conversations: Arc<dyn Conversations>,
        settings: SingleSignOn,
    ) -> Self {
        Self {
            accounts,
            audit: Audit::new(ports.clone()),
            ports,
            conversations,
            settings: Arc::new(settings),
            replays: Arc::default(),
            attempts: Arc::default(),
        }
    }

    /// Returns the providers, in the order in which users see them.
    #[must_use]
    pub fn list(&self) -> &[IdentityProvider] {
        &self.settings.providers
    }

    /// Begins a sign-in with a provider.
    ///
    /// # Errors
    /// [`ProviderSignInError::ProviderNotFound`]; after at most 10 s, [`ProviderSignInError::ProviderUnavailable`].
    pub async fn begin(&self, id: &str) -> Result<AuthorizationRequest, ProviderSignInError> {
        Ok(self.find(id)?.client.begin().await?)
    }

    /// Completes a sign-in, and returns a new session of the user. `secrets` is what the browser has kept since the
    /// beginning. The caller has checked that it belongs to the state.
    ///
    /// # Errors
    /// See [`ProviderSignInError`]. The provider has 10 s.
    pub async fn complete(
        &self,
        id: &str,
        response: ProviderResponse,
        secrets: SignInSecrets,
        browser: SigningBrowser,
    ) -> Result<(Session, Account), ProviderSignInError> {
        let (provider, now) = (self.find(id)?, self.ports.clock.now());
        let claims = self.claims(provider, response, secrets, browser.network, now).await?;
        let anonymous = browser.adopted.filter(|session| session.sign_in.is_none());
        let account =
            self.find_or_add_account(provider, &claims, anonymous, &browser.actor).await?;
        let session = ProviderSession {
            provider: id.to_owned(),
            issuer: claims.issuer,
            session_id: claims.session_id,
        };
        let (device, actor) = (browser.user_agent, &browser.actor);
        Ok(self.accounts.start_session(&account, device, Some(session), actor).await?)
    }

    /// Returns the verified claims of a user who may sign in. Anybody can send invalid codes, which only the provider can
    /// check: a network that has sent many must wait.
    async fn claims(
        &self,
        provider: &IdentityProvider,
        response: ProviderResponse,
        secrets: SignInSecrets,
        network: Network,
        now: Timestamp,
    ) -> Result<Claims, ProviderSignInError> {
        let attempt = SignInAttempts::begin(&self.attempts, None, Origin::Network(network), now)
            .map_err(|_| ProviderSignInError::TooManySignIns)?;
        let claims = self.request_claims(provider, response, secrets, now).await;
        if !matches!(claims, Err(ProviderSignInError::SignInFailed(_))) {
            attempt.cancel();
        }
        claims
    }

    async fn request_claims(
        &self,
        provider: &IdentityProvider,
        response: ProviderResponse,
        secrets: SignInSecrets,
        now: Timestamp,
    ) -> Result<Claims, ProviderSignInError> {
        if !self.replays.is_first_use(response.state, now) {
            return Err(ProviderSignInError::SignInExpired);
        }
        if let Some(issuer) = &response.issuer {
            provider.client.check_response_issuer(issuer).await?;
        }
        let legacy_users = self.settings.legacy_users.as_ref();
        let is_complete = |claims: &_| provider.is_complete(claims, legacy_users);
        let claims = provider.client.complete(response.code, secrets, now, is_complete).await?;
        if provider.allows(&claims) {
            Ok(claims)
        } else {
            Err(ProviderSignInError::SignInNotAllowed)
        }
    }

    /// Returns the address at which the user of a session that has ended also signs out of the provider, and returns to
    /// `return_url`; `None` if there is none.
    pub async fn sign_out_url(&self, session: &Session, return_url: &Url) -> Option<Url> {
        let provider = &session.sign_in.as_ref()?.provider.as_ref()?.provider;
        self.find(provider).ok()?.client.sign_out_url(return_url).await
    }

    /// Ends the sessions of a user who has signed out of the provider, and closes their live connections on all
    /// instances.
    ///
    /// # Errors
    /// [`ProviderSignInError::ProviderNotFound`]; [`ProviderSignInError::SignInFailed`] if the token is invalid or was
    /// used before; if the keys or the sessions can't be read.
    pub async fn end_sessions(
        &self,
        id: &str,
        token: &str,
        actor: &Actor,
    ) -> Result<(), ProviderSignInError> {
        let (provider, now) = (self.find(id)?, self.ports.clock.now());
        let token = provider.client.verify_logout_token(token, now).await?;
        let token_id = format!("{}\n{}", token.issuer, token.token_id);
        if self.replays.contains(&token_id) {
            return Err(ProviderSignInError::SignInExpired);
        }
        for session in self.sessions_of(&token).await? {
            self.accounts.sign_out(&session, actor).await?;
        }
        // Afterwards, so that the provider can repeat a request that has failed.
        self.replays.is_first_use(token_id, now);
        Ok(())
    }

    /// Returns the sessions that end with the provider's: those with its id, and those of the user whose id is unknown.
    async fn sessions_of(&self, token: &LogoutToken) -> Result<Vec<Session>, ChatError> {
        let mut sessions = Vec::new();
        if let Some(id) = token.session_id.clone() {
            let (issuer, now) = (token.issuer.clone(), self.ports.clock.now());
            sessions.extend(self.ports.sessions.list_of_provider(issuer, id, now).await?);
        }
        let Some(subject) = token.subject.clone() else { return Ok(sessions) };
        let key = IdentityKey { issuer: token.issuer.clone(), subject };
        let Some(identity) = self.ports.identities.find_identity(key).await? else {
            return Ok(sessions);
        };
        let of_user = self.accounts.sessions(identity.user_id).await?;
        let of_user = of_user.into_iter().map(|stored| stored.session).filter(|session| {
            let provider = session.sign_in.as_ref().and_then(|sign_in| sign_in.provider.as_ref());
            provider.is_some_and(|provider| {
                let ends = token.session_id.is_none() || provider.session_id.is_none();
                provider.issuer == token.issuer && ends
            })
        });
        sessions.extend(of_user);
        Ok(sessions)
    }

    fn find(&self, id: &str) -> Result<&IdentityProvider, ProviderSignInError> {
        let mut providers = self.settings.providers.iter();
        providers
            .find(|provider| provider.client.id() == id)
            .ok_or(ProviderSignInError::ProviderNotFound)
    }
}
