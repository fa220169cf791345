//! The facade that builds the services.

use std::sync::Arc;
use std::time::Duration;

use crate::NotReady;
use crate::core::Core;
use crate::ports::Ports;
use crate::services::{Accounts, Contexts, Conversations, Events, Files, Transfer, Turns};
use crate::settings::Settings;

/// The use cases, grouped into services. Clones share one state.
#[derive(Clone)]
pub struct Chat {
    /// Turns: questions and the model's answers.
    pub turns: Turns,
    /// Conversations and their messages.
    pub conversations: Conversations,
    /// What goes to the model besides the messages.
    pub contexts: Contexts,
    /// Files and their analyses.
    pub files: Files,
    /// Export and import.
    pub transfer: Transfer,
    /// Sessions and their users.
    pub accounts: Accounts,
    /// Subscriptions to events and lists.
    pub events: Events,
    pub(crate) core: Arc<Core>,
}

impl Chat {
    /// Builds the services on these ports. Tasks run on the caller's Tokio runtime, whichever runtime
    /// calls the services later.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    #[must_use]
    pub fn new(ports: Ports, settings: Settings) -> Self {
        let core = Core::new(ports, settings);
        Self {
            turns: Turns::new(&core),
            conversations: Conversations::new(&core),
            contexts: Contexts::new(&core),
            files: Files::new(&core),
            transfer: Transfer::new(&core),
            accounts: Accounts::new(&core),
            events: Events::new(&core),
            core,
        }
    }

    /// The operator's settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.core.settings
    }

    /// The name of the model that answers, if it is known yet.
    #[must_use]
    pub fn model_name(&self) -> Option<String> {
        self.core.ports.model.name()
    }

    /// Checks whether the server can work. Each store has 3 s to answer.
    ///
    /// # Errors
    /// [`NotReady`] says why it can't.
    pub async fn readiness(&self) -> Result<(), NotReady> {
        self.core.readiness().await
    }

    /// Starts the tasks that run until shutdown: they receive signals from other instances, recover the
    /// abandoned turns of dead ones, and analyse files, including those that another server left
    /// unfinished. At shutdown, requests about a file that were already sent are still answered and
    /// stored within the grace period; the rest continues on another instance or after the restart.
    ///
    /// Call it once for each set of ports.
    pub fn spawn_background_tasks(&self) {
        self.core.background.spawn(Arc::clone(&self.core).listen());
        self.core.background.spawn(self.turns.clone().watch_for_abandoned_turns());
        self.files.spawn_worker();
    }

    /// Accepts no new turns, waits up to `grace` for the running ones, then stores what the rest have so
    /// far, marked as interrupted.
    pub async fn shutdown(&self, grace: Duration) {
        self.core.running.shutdown(grace).await;
        self.core.background.end().await;
    }
}
