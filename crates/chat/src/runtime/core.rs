//! The state that all services share.

use std::sync::Arc;

use webchat_domain::{SystemPrompt, Timestamp};

use super::lifecycle::Lifecycle;
use super::readiness::ReadinessCheck;
use super::text_work::TextWork;
use crate::events::list_feed::ListFeed;
use crate::ports::Ports;
use crate::settings::Settings;

/// The state that all services share.
pub(crate) struct Core {
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    /// The operator's system prompt and its token count.
    pub(crate) system_prompt: Option<SystemPrompt>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) lists: Arc<ListFeed>,
    pub(crate) text_work: TextWork,
    pub(crate) readiness: ReadinessCheck,
}

impl Core {
    pub(crate) fn new(ports: Ports, settings: Settings) -> Self {
        let system_prompt = settings
            .system_prompt
            .clone()
            .map(|text| SystemPrompt { token_count: ports.tokens.count(&text), text });
        Self {
            ports,
            settings,
            system_prompt,
            lifecycle: Lifecycle::new(),
            lists: Arc::default(),
            text_work: TextWork::new(),
            readiness: ReadinessCheck::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }
}
