#![doc = include_str!("../README.md")]

mod analysis;
mod background;
mod compaction;
mod context;
mod continue_answer;
mod conversations;
mod copy;
mod draft;
mod error;
mod exchange;
mod export;
mod fault;
mod file_run;
mod files;
mod follow;
mod import;
mod imports;
mod lapsed;
mod lists;
mod measured;
mod messages;
mod per_user_limit;
mod prompts;
mod publisher;
mod readiness;
mod save_history;
mod search;
mod send_message;
mod sessions;
mod stop;
#[cfg(test)]
mod testing;
mod titles;
mod turn;
mod turn_progress;
mod turns;
mod versions;

use std::sync::Arc;
use std::time::Duration;

use webchat_domain::{Clock, SystemPrompt};
use webchat_llm::ChatModel;
use webchat_persistence::{
    Contexts, ConversationArchive, Conversations, FileJobs, Probe, SavedFiles, Sessions, Signals,
    TurnLog,
};
use webchat_tokens::TokenCounter;

pub use context::{ContextEdit, ContextView, PromptChoice};
pub use copy::{CopyError, copy};
pub use error::{ChatError, FailureCode};
pub use exchange::flask::FlaskMessage;
pub use exchange::reading::InvalidImportFile;
pub use export::{ExportFormat, ExportStream, ExportedFile, export_all_users, export_user};
pub use files::{FileSettings, Upload};
pub use follow::{Subscription, Update};
pub use import::{ImportError, ImportOwner, ImportProgress, ImportTarget, import};
pub use imports::{ImportSlot, ImportState, ImportStatus, PreparedImport};
pub use lists::{ListChange, ListSubscription};
pub use messages::MessagePage;
pub use per_user_limit::{PerUserLimit, Permit};
pub use readiness::NotReady;
pub use save_history::SavedName;
pub use search::FoundConversation;
pub use send_message::{SendMessage, Sent};
pub use turn_progress::{TurnProgress, TurnResult};
pub use webchat_persistence::{ArchiveFilter, Cursor, Edit, InvalidCursor, Page};

use background::Background;
use files::FileWork;
use imports::Imports;
use lists::Lists;
use turns::Turns;

/// The use cases. Clones share one state.
#[derive(Clone)]
pub struct Chat {
    ports: Ports,
    settings: Arc<Settings>,
    system_prompt: Option<Arc<SystemPrompt>>,
    turns: Arc<Turns>,
    background: Arc<Background>,
    lists: Arc<Lists>,
    imports: Arc<Imports>,
    file_work: Arc<FileWork>,
}

/// What the use cases work with.
#[derive(Clone)]
pub struct Ports {
    /// Where conversations are kept.
    pub conversations: Arc<dyn Conversations>,
    /// Where it is kept what goes to the model beside the messages.
    pub contexts: Arc<dyn Contexts>,
    /// Where whole conversations are taken from and brought to.
    pub archive: Arc<dyn ConversationArchive>,
    /// Where files are kept while they are analysed.
    pub file_jobs: Arc<dyn FileJobs>,
    /// Where sessions are kept.
    pub sessions: Arc<dyn Sessions>,
    /// Where files are kept that users had made.
    pub saved_files: Arc<dyn SavedFiles>,
    /// Where events are told.
    pub log: Arc<dyn TurnLog>,
    /// What all instances should know.
    pub signals: Arc<dyn Signals>,
    /// What must work for the server to be ready.
    pub probes: Vec<Arc<dyn Probe>>,
    /// Who answers.
    pub model: Arc<dyn ChatModel>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// How tokens are counted until it is known which model answers.
    pub tokens: TokenCounter,
}

/// What the operator decides about the use cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The model's window, in tokens.
    pub max_tokens: u32,
    /// Tokens kept free for the answer, and the most it may have.
    pub reply_tokens: u32,
    /// How long a session lasts after its browser's last visit.
    pub session_ttl: Duration,
    /// How the model should behave in conversations that don't say it themselves.
    pub system_prompt: Option<String>,
    /// Whether the model is asked for titles.
    pub auto_titles: bool,
    /// Which files are taken, and how they are analysed.
    pub files: FileSettings,
    /// Answers that are made for one user at a time, by this process; `None`: any number.
    pub turns_per_user: Option<u32>,
}

impl Chat {
    /// The use cases on these ports. Turns run on the Tokio runtime of the caller, whichever runtime
    /// asks for them.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    #[must_use]
    pub fn new(ports: Ports, settings: Settings) -> Self {
        let system_prompt = settings
            .system_prompt
            .clone()
            .map(|text| Arc::new(SystemPrompt { token_count: ports.tokens.count(&text), text }));
        Self {
            ports,
            system_prompt,
            turns: Arc::new(Turns::new()),
            background: Arc::new(Background::new()),
            lists: Arc::default(),
            imports: Arc::default(),
            file_work: Arc::new(FileWork::new(&settings)),
            settings: Arc::new(settings),
        }
    }

    /// What the operator decided.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Which model answers, as far as it is known yet.
    #[must_use]
    pub fn model_name(&self) -> Option<String> {
        self.ports.model.name()
    }

    /// Takes no more turns, waits up to `grace` for those that run, then keeps what the rest have,
    /// marked as interrupted.
    pub async fn shutdown(&self, grace: Duration) {
        self.turns.shutdown(grace).await;
        self.background.end().await;
    }

    /// Counts as the model does that answers.
    fn counter(&self) -> TokenCounter {
        self.model_name().map_or(self.ports.tokens, |name| TokenCounter::for_model(&name))
    }

    /// Counting a long text takes long enough to hold up others on this thread.
    async fn count_tokens(&self, text: &str) -> u32 {
        const AT_ONCE: usize = 16 * 1024;
        let tokens = self.counter();
        if text.len() <= AT_ONCE {
            return tokens.count(text);
        }
        let owned = text.to_owned();
        tokio::task::spawn_blocking(move || tokens.count(&owned)).await.unwrap_or(u32::MAX)
    }
}
