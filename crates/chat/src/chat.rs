//! The facade that builds the services.

use std::sync::Arc;
use std::time::Duration;

use webchat_domain::{UserId, error_chain};

use crate::accounts::api_keys::ApiKeys;
use crate::accounts::audit::Audit;
use crate::accounts::conversation_access::ConversationAccess;
use crate::accounts::erasures::service::{ErasurePorts, Erasures};
use crate::accounts::ports::{AccountPorts, SessionLifetimes};
use crate::accounts::providers::service::IdentityProviders;
use crate::accounts::service::Accounts;
use crate::completions::service::Completions;
use crate::context::service::Contexts;
use crate::conversations::service::Conversations;
use crate::error::ChatError;
use crate::events::service::Events;
use crate::events::signals::receive_signals;
use crate::files::service::Files;
use crate::models::registry::{Model, Models};
use crate::ports::Ports;
use crate::runtime::core::Core;
use crate::runtime::housekeeping::delete_expired_data;
use crate::runtime::readiness::NotReady;
use crate::sessions::retention::Retention;
use crate::sessions::service::Sessions;
use crate::sessions::user_settings::UserSettingsService;
use crate::settings::Settings;
use crate::transfer::service::Transfer;
use crate::turns::registry::RunningTurns;
use crate::turns::service::Turns;
use crate::turns::stopper::TurnStopper;

/// The use cases, grouped into services. Clones share their state.
#[derive(Clone)]
pub struct Chat {
    /// Questions and the model's answers.
    pub turns: Turns,
    /// Answers to requests that are not stored.
    pub completions: Completions,
    /// Conversations and their messages.
    pub conversations: Conversations,
    /// System prompts, parameters, examples and summaries of conversations.
    pub contexts: Contexts,
    /// Files and their analyses.
    pub files: Files,
    /// Export and import.
    pub transfer: Transfer,
    /// The users who can sign in.
    pub accounts: Accounts,
    /// The keys with which programs act on behalf of a user.
    pub api_keys: ApiKeys,
    /// The erasure of users.
    pub erasures: Erasures,
    /// What users and administrators did.
    pub audit: Audit,
    /// The identity providers, with which users sign in.
    pub identity_providers: IdentityProviders,
    /// The conversations of other users, for auditors and administrators.
    pub conversation_access: ConversationAccess,
    /// Sessions and their users.
    pub sessions: Sessions,
    /// Settings of users.
    pub user_settings: UserSettingsService,
    /// Subscriptions to events and lists.
    pub events: Events,
    pub(crate) core: Arc<Core>,
    running: Arc<RunningTurns>,
}

impl Chat {
    /// Builds the services on these ports. Their tasks run on the current Tokio runtime, even if a service is
    /// called from another one.
    ///
    /// # Panics
    /// If it is called outside a Tokio runtime.
    #[must_use]
    pub fn new(ports: Ports, settings: Settings) -> Self {
        let account_ports = AccountPorts {
            accounts: Arc::clone(&ports.accounts),
            api_keys: Arc::clone(&ports.api_keys),
            audit: Arc::clone(&ports.audit),
            identities: Arc::clone(&ports.identities),
            sessions: Arc::clone(&ports.sessions),
            signals: Arc::clone(&ports.signals),
            clock: Arc::clone(&ports.clock),
        };
        let api_keys = ApiKeys::new(account_ports.clone());
        let audit = Audit::new(account_ports.clone());
        let accounts = Accounts::new(
            account_ports.clone(),
            SessionLifetimes { idle: settings.sign_in_idle_ttl, signed_in: settings.sign_in_ttl },
        );
        let identity_providers = IdentityProviders::new(
            accounts.clone(),
            account_ports.clone(),
            Arc::clone(&ports.conversations),
            ports.single_sign_on.clone(),
        );
        let erasure_ports = ErasurePorts {
            accounts: account_ports.clone(),
            erasures: Arc::clone(&ports.erasures),
            conversations: Arc::clone(&ports.conversations),
            saved_files: Arc::clone(&ports.saved_files),
            log: Arc::clone(&ports.log),
        };
        let erasures = Erasures::new(erasure_ports, accounts.clone());
        let core = Arc::new(Core::new(ports, settings));
        let running = Arc::new(RunningTurns::default());
        let stopper = TurnStopper::new(&core, &running);
        let conversations = Conversations::new(&core, stopper.clone());
        let transfer = Transfer::new(&core);
        let conversation_access =
            ConversationAccess::new(&core, audit.clone(), conversations.clone(), transfer.clone());
        Self {
            turns: Turns::new(&core, &running, stopper),
            completions: Completions::new(&core, &running),
            conversations,
            contexts: Contexts::new(&core),
            files: Files::new(&core),
            transfer,
            accounts,
            api_keys,
            erasures,
            audit,
            identity_providers,
            conversation_access,
            sessions: Sessions::new(&core),
            user_settings: UserSettingsService::new(&core),
            events: Events::new(&core),
            core,
            running,
        }
    }

    /// Returns the operator's settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.core.settings
    }

    /// Returns the models.
    #[must_use]
    pub fn models(&self) -> &Models {
        &self.core.ports.models
    }

    /// Returns the models that the user may use, in the order in which users see them.
    ///
    /// # Errors
    /// When the account can't be read.
    pub async fn models_for(&self, user_id: UserId) -> Result<Vec<Arc<Model>>, ChatError> {
        self.core.models_for(user_id).await
    }

    /// Returns the name of the first model, if it is already known.
    #[must_use]
    pub fn model_name(&self) -> Option<String> {
        self.core.ports.models.first().display_name()
    }

    /// Checks whether the server can serve requests. Each store has 3 s to respond.
    ///
    /// # Errors
    /// [`NotReady`] if the server is shutting down or a store doesn't respond.
    pub async fn readiness(&self) -> Result<(), NotReady> {
        self.core.readiness().await
    }

    /// Recovers the turns that a previous process abandoned: publishes their ends and frees their conversations.
    /// Call it before the first request. A failure is only logged: the background tasks recover the remaining
    /// turns, and those whose leases expire later.
    pub async fn recover_abandoned_turns(&self) {
        if let Err(error) = self.turns.recover_abandoned_turns().await {
            tracing::warn!(error = error_chain(&error), "failed to recover abandoned turns");
        }
    }

    /// Starts the tasks that run until shutdown: they receive signals, send heartbeats, recover
    /// abandoned turns, erase users, delete expired data, unload unused tokenizers, and analyse files, including those that another
    /// instance left unfinished. At shutdown, file analysis waits up to the grace period for the requests in flight and
    /// stores their results; another instance, or this one after its restart, analyses the rest.
    ///
    /// Call it once for each set of ports.
    pub fn spawn_background_tasks(&self) {
        let lifecycle = &self.core.lifecycle;
        lifecycle.spawn_background(receive_signals(
            Arc::clone(&self.core),
            Arc::clone(&self.running),
            Arc::clone(&self.turns.liveness),
        ));
        lifecycle.spawn_background(self.turns.clone().send_heartbeats());
        let retention = Retention::new(&self.core, self.conversations.clone(), self.audit.clone());
        lifecycle.spawn_background(self.erasures.clone().run_requested());
        lifecycle.spawn_background(delete_expired_data(Arc::clone(&self.core), retention));
        lifecycle.spawn_background(self.turns.clone().watch_for_abandoned_turns());
        lifecycle.spawn_background(Arc::clone(&self.core).unload_tokenizers());
        self.files.spawn_dispatcher();
    }

    /// Rejects new turns, waits for the running ones, then aborts the remaining ones and saves their partial
    /// answers as interrupted. Turns, imports and file analyses share one grace period; saving takes at most 8 s
    /// more.
    ///
    /// Returns the number of tasks that have not ended by then. Their unsaved results may be lost.
    pub async fn shutdown(&self, grace_period: Duration) -> usize {
        self.core.lifecycle.shutdown(grace_period).await
    }
}
