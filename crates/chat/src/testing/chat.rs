//! A chat on a real store, with one user who has one conversation.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use webchat_domain::{
    Conversation, ConversationId, Event, FinishReason, ManualClock, Message, MessageStatus,
    NewMessage, Role, Session, Summary, SummaryAuthor, Timestamp, Title, TurnId, UserId,
};
use webchat_persistence::{Append, AppendOutcome, Replay, StoredContext, TurnLease};
use webchat_persistence_sqlite::{LocalSignals, SavedFilesDir, SqliteStore};
use webchat_tokens::TokenCounter;

use super::events::describe;
use super::model::{ModelRequest, ScriptedModel};
use crate::models::registry::{Model, Models};
use crate::turns::lease::LEASE;
use crate::{
    Chat, ChatError, Choice, ContextEdit, DailyTokenLimits, Edit, FileSettings, MessagePage, Ports,
    SendMessage, Settings, SingleSignOn, StartTurnOutcome, StoredBytesLimits,
};

/// A question of 7 tokens, according to the OpenAI cookbook.
pub(crate) const QUESTION: &str = "2 + 2 = 4";

/// An answer of 6 tokens, according to the OpenAI cookbook.
pub(crate) const ANSWER: &str = "antidisestablishmentarianism";

/// The number of tokens that the chat format adds to each message.
pub(crate) const MESSAGE_OVERHEAD: u32 = 4;

/// The number of tokens that the chat format adds to each request to start the answer.
pub(crate) const REPLY_PRIMER: u32 = 3;

/// The time at which the clock of a test starts.
pub(crate) const START: Timestamp = Timestamp::from_unix_millis(1_767_323_045_000);

fn settings() -> Settings {
    Settings {
        session_ttl: Duration::from_hours(24),
        sign_in_idle_ttl: Duration::from_hours(24),
        sign_in_ttl: Duration::from_hours(100),
        inactive_user_retention: None,
        audit_retention: None,
        admin_conversation_access: false,
        system_prompt: None,
        auto_titles: false,
        files: FileSettings::default(),
        turns_per_user: None,
        turns_per_network: None,
        max_turns: None,
        max_turn_duration: Duration::from_mins(10),
        daily_tokens: DailyTokenLimits::default(),
        max_stored_bytes: StoredBytesLimits::default(),
    }
}

fn test_model(client: Arc<ScriptedModel>) -> Model {
    Model {
        id: "scripted".parse().unwrap(),
        name: None,
        client,
        tokens: None,
        window_tokens: 10_000,
        reply_tokens: Some(800),
        groups: Vec::new(),
    }
}

/// A chat with one user who has one conversation, which is empty at first.
pub(crate) struct TestChat {
    pub(crate) chat: Chat,
    pub(crate) user_id: UserId,
    pub(crate) conversation_id: ConversationId,
    pub(crate) model: Arc<ScriptedModel>,
    pub(crate) clock: Arc<ManualClock>,
    _dir: TempDir,
}

impl TestChat {
    pub(crate) async fn new() -> Self {
        Self::with_settings(|_| {}).await
    }

    pub(crate) async fn with_window(window_tokens: u32, reply_tokens: u32) -> Self {
        Self::new().await.with_limits(window_tokens, reply_tokens)
    }

    pub(crate) async fn with_settings(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings();
        change(&mut settings);
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("webchat.db")).await.unwrap();
        let model = Arc::new(ScriptedModel::new());
        let clock = Arc::new(ManualClock::at(START));
        let ports = Ports {
            log: Arc::new(store.turn_log()),
            conversations: Arc::new(store.clone()),
            contexts: Arc::new(store.clone()),
            transfer: Arc::new(store.clone()),
            file_jobs: Arc::new(store.clone()),
            saved_files: Arc::new(SavedFilesDir::at(dir.path().join("saved"))),
            signals: Arc::new(LocalSignals::new()),
            probes: Vec::new(),
            token_budgets: Arc::new(store.clone()),
            user_activity: Arc::new(store.clone()),
            user_settings: Arc::new(store.clone()),
            accounts: Arc::new(store.clone()),
            api_keys: Arc::new(store.clone()),
            audit: Arc::new(store.clone()),
            identities: Arc::new(store.clone()),
            erasures: Arc::new(store.clone()),
            single_sign_on: SingleSignOn::default(),
            sessions: Arc::new(store),
            models: Models::one(test_model(model.clone())),
            clock: clock.clone(),
        };
        let chat = Chat::new(ports, settings);
        let user_id = UserId::generate();
        let conversation_id =
            chat.conversations.start(user_id, None).await.unwrap().conversation_id;
        Self { chat, user_id, conversation_id, model, clock, _dir: dir }
    }

    /// Replaces the limits of the model.
    pub(crate) fn with_limits(self, window_tokens: u32, reply_tokens: u32) -> Self {
        self.with_ports(|ports| {
            let model = Model::clone(&ports.models.first());
            let reply_tokens = Some(reply_tokens);
            ports.models = Models::one(Model { window_tokens, reply_tokens, ..model });
        })
    }

    /// Returns the counter of the model.
    pub(crate) fn counter(&self) -> TokenCounter {
        self.chat.models().first().counter()
    }

    /// Replaces ports of the chat.
    pub(crate) fn with_ports(self, change: impl FnOnce(&mut Ports)) -> Self {
        let mut ports = self.chat.core.ports.clone();
        change(&mut ports);
        Self { chat: Chat::new(ports, self.chat.settings().clone()), ..self }
    }

    /// Replaces the instance with a new one on the same stores.
    pub(crate) fn restarted(self) -> Self {
        self.with_ports(|_| {})
    }

    /// Returns another instance on the same stores.
    pub(crate) fn another_instance(&self) -> Chat {
        Chat::new(self.chat.core.ports.clone(), self.chat.settings().clone())
    }

    /// Starts a session of a new user.
    pub(crate) async fn start_session(&self) -> Session {
        let sessions = &self.chat.sessions;
        sessions.start_session(sessions.new_session()).await.unwrap()
    }

    /// Returns the newest messages of the visible path before a position.
    pub(crate) async fn message_page(&self, before: Option<u64>, limit: u32) -> MessagePage {
        let conversations = &self.chat.conversations;
        conversations.message_page(self.user_id, self.conversation_id, before, limit).await.unwrap()
    }

    pub(crate) async fn send(&self, content: &str) -> Result<StartTurnOutcome, ChatError> {
        self.chat.turns.send(self.user_id, self.conversation_id, message(content)).await
    }

    /// Sends the question and returns the request to the model.
    pub(crate) async fn ask(&self, content: &str) -> ModelRequest {
        self.send(content).await.unwrap();
        self.model.next_request().await
    }

    /// Runs a complete turn.
    pub(crate) async fn ask_and_answer(&self, question: &str, answer: &str) {
        self.ask(question).await.answer(answer, FinishReason::Stop).await;
    }

    /// Appends a message without a turn.
    pub(crate) async fn append_message(&self, content: &str) {
        self.append_messages([content.to_owned()]).await;
    }

    /// Appends messages without a turn, all in one step.
    pub(crate) async fn append_messages(&self, contents: impl IntoIterator<Item = String>) {
        let message = |content: String| NewMessage {
            token_count: self.counter().count(&content),
            content,
            created_at: START,
            ..NewMessage::fixture()
        };
        let messages = contents.into_iter().map(message).collect();
        let append = Append { messages, ..Append::default() };
        self.chat
            .core
            .ports
            .conversations
            .append(self.user_id, self.conversation_id, append, START)
            .await
            .unwrap();
    }

    /// Stores a turn of another instance, which dies after it has saved this partial answer. Returns the question
    /// and the answer.
    pub(crate) async fn start_turn_on_another_instance(&self, answer: &str) -> [Message; 2] {
        let turn_id = TurnId::generate();
        let message = |role, content: &str, status| NewMessage {
            turn_id: Some(turn_id),
            role,
            content: content.to_owned(),
            token_count: self.counter().count(content),
            status,
            created_at: START,
            ..NewMessage::fixture()
        };
        let append = Append {
            messages: vec![
                message(Role::User, QUESTION, MessageStatus::Complete),
                message(Role::Assistant, answer, MessageStatus::Interrupted),
            ],
            turn: Some(TurnLease { turn_id, lease_until: START.plus(LEASE) }),
            ..Append::default()
        };
        let conversations = &self.chat.core.ports.conversations;
        match conversations.append(self.user_id, self.conversation_id, append, START).await.unwrap()
        {
            AppendOutcome::Stored { messages, .. } => messages.try_into().unwrap(),
            other => panic!("failed to start the turn: {other:?}"),
        }
    }

    /// Stores a summary of the messages up to this position, as if the model had written it.
    pub(crate) async fn store_summary(&self, position: u64, text: &str) {
        let contexts = &self.chat.core.ports.contexts;
        let StoredContext { mut context, revision } =
            contexts.context(self.user_id, self.conversation_id).await.unwrap().unwrap();
        context.summary = Some(Summary {
            text: text.to_owned(),
            token_count: self.counter().count(text),
            through: position,
            message_count: position,
            created_at: START,
            author: SummaryAuthor::Model,
        });
        contexts
            .replace_context(self.user_id, self.conversation_id, context, revision)
            .await
            .unwrap();
    }

    /// Holds the user's only permit for long texts until the sender is dropped, so that other texts wait.
    pub(crate) async fn hold_text_permit(&self) -> std::sync::mpsc::Sender<()> {
        let (end, ended) = std::sync::mpsc::channel();
        let (start, started) = tokio::sync::oneshot::channel();
        let (core, user_id) = (Arc::clone(&self.chat.core), self.user_id);
        self.chat.core.lifecycle.spawn_detached(async move {
            let work = move |_: &CancellationToken| {
                start.send(()).unwrap();
                ended.recv().ok()
            };
            core.text_work.run(user_id, &CancellationToken::new(), work).await
        });
        started.await.unwrap();
        end
    }

    pub(crate) async fn rename(&self, id: ConversationId, title: Title) {
        let edit = Edit { title: Some(title), ..Edit::default() };
        self.chat.conversations.edit(self.user_id, id, edit).await.unwrap();
    }

    /// Returns the stored messages of the visible path, including empty answers.
    pub(crate) async fn messages(&self) -> Vec<Message> {
        self.chat.core.read_messages(self.user_id, self.conversation_id, None, 100).await.unwrap()
    }

    pub(crate) async fn last_message(&self) -> Message {
        self.messages().await.pop().unwrap()
    }

    pub(crate) async fn conversation(&self) -> Conversation {
        self.chat.conversations.find(self.user_id, self.conversation_id).await.unwrap()
    }

    pub(crate) async fn events(&self) -> Vec<Arc<Event>> {
        match self.chat.core.ports.log.read(self.conversation_id, 0).await.unwrap() {
            Replay::Events(events) => events,
            gone @ Replay::Gap { .. } => panic!("the log is incomplete: {gone:?}"),
        }
    }

    /// Returns the texts of the visible messages.
    pub(crate) async fn texts(&self) -> Vec<String> {
        self.messages().await.into_iter().map(|message| message.content).collect()
    }

    /// Returns a brief description of each published event.
    pub(crate) async fn published(&self) -> Vec<String> {
        self.events().await.iter().map(|event| describe(&event.body)).collect()
    }

    /// Advances both the chat's clock and Tokio's paused clock.
    pub(crate) async fn advance(&self, duration: Duration) {
        self.clock.advance(duration);
        sleep(duration).await;
    }
}

pub(crate) fn message(content: &str) -> SendMessage {
    SendMessage {
        content: content.to_owned(),
        client_message_id: None,
        expected_position: None,
        model: None,
    }
}

/// Returns an edit that sets the system prompt.
pub(crate) fn prompt_edit(text: impl Into<String>) -> ContextEdit {
    ContextEdit { system_prompt: Some(Choice::Custom(text.into())), ..ContextEdit::default() }
}
