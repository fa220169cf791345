//! The state that all services share.

use std::sync::Arc;

use tokio::sync::{Mutex, broadcast};
use webchat_domain::{SystemPrompt, Timestamp, UserId};

use super::lifecycle::Lifecycle;
use super::log_limiter::SharedLogLimiter;
use super::readiness::{NotReady, ReadinessCheck};
use super::storage_quota::StorageQuota;
use super::text_work::TextWork;
use crate::error::ChatError;
use crate::events::list_feed::ListFeed;
use crate::events::publisher::Publishers;
use crate::ports::Ports;
use crate::settings::Settings;

/// The number of ended sessions that a live connection may lag behind before it checks its session anyway.
const MAX_PENDING_ENDS: usize = 64;

/// The state that all services share.
pub(crate) struct Core {
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    /// The operator's system prompt and its token count.
    pub(crate) system_prompt: Option<SystemPrompt>,
    /// Held while a tokenizer is loaded.
    pub(crate) tokenizer_loading: Mutex<()>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) lists: Arc<ListFeed>,
    /// The users of whom sessions have ended.
    pub(crate) ended_sessions: broadcast::Sender<UserId>,
    pub(crate) text_work: TextWork,
    pub(crate) publishers: Publishers,
    pub(crate) readiness: ReadinessCheck,
    pub(crate) quota: StorageQuota,
    pub(crate) turn_failures: SharedLogLimiter<&'static str>,
    pub(crate) title_failures: SharedLogLimiter<()>,
}

impl Core {
    pub(crate) fn new(ports: Ports, settings: Settings) -> Self {
        let system_prompt = settings.system_prompt.clone().map(|text| SystemPrompt {
            token_count: ports.models.first().counter().count(&text),
            text,
        });
        let (lifecycle, lists, text_work) = (Lifecycle::new(), Arc::default(), TextWork::new());
        let quota = StorageQuota::new(&ports, settings.max_stored_bytes);
        Self {
            ports,
            settings,
            system_prompt,
            tokenizer_loading: Mutex::default(),
            lifecycle,
            lists,
            ended_sessions: broadcast::Sender::new(MAX_PENDING_ENDS),
            text_work,
            publishers: Publishers::default(),
            readiness: ReadinessCheck::default(),
            quota,
            turn_failures: SharedLogLimiter::default(),
            title_failures: SharedLogLimiter::default(),
        }
    }

    /// Checks that the user may store a text with this many bytes.
    pub(crate) async fn reserve_storage(
        &self,
        user_id: UserId,
        bytes: usize,
    ) -> Result<(), ChatError> {
        self.quota.reserve(user_id, u64::try_from(bytes).unwrap_or(u64::MAX)).await
    }

    /// Checks whether the server can serve requests. The result may be a second old.
    pub(crate) async fn readiness(&self) -> Result<(), NotReady> {
        if self.lifecycle.is_draining() {
            return Err(NotReady::ShuttingDown);
        }
        self.readiness.latest(&self.ports.probes).await
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }
}
