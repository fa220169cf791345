//! A chat on a real store, with a model that says what the test tells it to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use webchat_domain::{
    Conversation, ConversationChange, ConversationId, Event, EventBody, FinishReason, ManualClock,
    Message, MessageId, MessageStatus, NewMessage, Role, Summary, SummaryAuthor, Timestamp, Title,
    TurnId, UserId,
};
use webchat_llm::{ChatModel, ChatRequest, Delta, DeltaStream, ModelError};
use webchat_persistence::{
    Append, AppendOutcome, Checkpoint, MockConversations, MockTurnLog, Replay, StoreError,
    StoredContext, TurnLease,
};
use webchat_persistence_sqlite::{LocalSignals, SavedFilesDir, SqliteStore};
use webchat_tokens::TokenCounter;

use crate::turns::LEASE;
use crate::{
    Chat, ChatError, ContextEdit, Edit, FileSettings, Ports, PromptChoice, SendMessage, Sent,
    Settings,
};

/// Of 7 and 6 tokens, by the OpenAI cookbook.
pub(crate) const QUESTION: &str = "2 + 2 = 4";
pub(crate) const ANSWER: &str = "antidisestablishmentarianism";

pub(crate) const START: Timestamp = Timestamp::from_unix_millis(1_767_323_045_000);

fn settings() -> Settings {
    Settings {
        max_tokens: 10_000,
        reply_tokens: 800,
        session_ttl: Duration::from_hours(24),
        system_prompt: None,
        auto_titles: false,
        files: FileSettings::default(),
        turns_per_user: None,
    }
}

/// One user in one empty conversation.
pub(crate) struct Room {
    pub(crate) chat: Chat,
    pub(crate) user_id: UserId,
    pub(crate) id: ConversationId,
    pub(crate) model: Arc<ScriptedModel>,
    pub(crate) clock: Arc<ManualClock>,
    _folder: TempDir,
}

impl Room {
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub(crate) async fn with_window(max_tokens: u32, reply_tokens: u32) -> Self {
        let window = |settings: &mut Settings| {
            (settings.max_tokens, settings.reply_tokens) = (max_tokens, reply_tokens);
        };
        Self::open_with(window).await
    }

    pub(crate) async fn open_with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings();
        change(&mut settings);
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("webchat.db")).await.unwrap();
        let model = Arc::new(ScriptedModel::new());
        let clock = Arc::new(ManualClock::at(START));
        let ports = Ports {
            log: Arc::new(store.turn_log()),
            conversations: Arc::new(store.clone()),
            contexts: Arc::new(store.clone()),
            archive: Arc::new(store.clone()),
            file_jobs: Arc::new(store.clone()),
            saved_files: Arc::new(SavedFilesDir::at(folder.path().join("saved"))),
            signals: Arc::new(LocalSignals::new()),
            probes: Vec::new(),
            sessions: Arc::new(store),
            model: model.clone(),
            clock: clock.clone(),
            tokens: TokenCounter::load(),
        };
        let chat = Chat::new(ports, settings);
        let user_id = UserId::generate();
        let id = chat.conversations.start(user_id, None).await.unwrap().conversation_id;
        Self { chat, user_id, id, model, clock, _folder: folder }
    }

    /// The same room on other ports.
    pub(crate) fn on(self, change: impl FnOnce(&mut Ports)) -> Self {
        let mut ports = self.chat.core.ports.clone();
        change(&mut ports);
        Self { chat: Chat::new(ports, self.chat.settings().clone()), ..self }
    }

    /// Another instance on the same stores.
    pub(crate) fn another_instance(&self) -> Chat {
        Chat::new(self.chat.core.ports.clone(), self.chat.settings().clone())
    }

    pub(crate) async fn send(&self, content: &str) -> Result<Sent, ChatError> {
        self.chat.turns.send(self.user_id, self.id, message(content)).await
    }

    /// Sends the question, and returns when the model has got it.
    pub(crate) async fn ask(&self, content: &str) -> Asked {
        self.send(content).await.unwrap();
        self.model.asked().await
    }

    /// A whole turn.
    pub(crate) async fn ask_and_answer(&self, question: &str, answer: &str) {
        self.ask(question).await.answer(answer, FinishReason::Stop).await;
    }

    /// A message that comes from elsewhere, in no turn.
    pub(crate) async fn import(&self, content: &str) {
        self.import_all([content.to_owned()]).await;
    }

    /// Such messages, at once.
    pub(crate) async fn import_all(&self, contents: impl IntoIterator<Item = String>) {
        let message = |content: String| NewMessage {
            message_id: MessageId::generate(),
            turn_id: None,
            role: Role::User,
            token_count: self.chat.core.counter().count(&content),
            content,
            status: MessageStatus::Complete,
            created_at: START,
        };
        let messages = contents.into_iter().map(message).collect();
        let append = Append { messages, ..Append::default() };
        self.chat
            .core
            .ports
            .conversations
            .append(self.user_id, self.id, append, START)
            .await
            .unwrap();
    }

    /// A turn as another instance began it, and died: its question, and as much of its answer as it kept.
    pub(crate) async fn begin_elsewhere(&self, answer: &str) -> [Message; 2] {
        let turn_id = TurnId::generate();
        let message = |role, content: &str, status| NewMessage {
            message_id: MessageId::generate(),
            turn_id: Some(turn_id),
            role,
            content: content.to_owned(),
            token_count: self.chat.core.counter().count(content),
            status,
            created_at: START,
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
        match conversations.append(self.user_id, self.id, append, START).await.unwrap() {
            AppendOutcome::Stored { messages, .. } => messages.try_into().unwrap(),
            other => panic!("not begun: {other:?}"),
        }
    }

    /// As if the model had summarised the messages up to this position.
    pub(crate) async fn summarise_up_to(&self, position: u64, text: &str) {
        let contexts = &self.chat.core.ports.contexts;
        let StoredContext { mut context, revision } =
            contexts.context(self.user_id, self.id).await.unwrap().unwrap();
        context.summary = Some(Summary {
            text: text.to_owned(),
            token_count: self.chat.core.count_tokens(text).await,
            through: position,
            message_count: position,
            created_at: START,
            author: SummaryAuthor::Model,
        });
        contexts.replace_context(self.user_id, self.id, context, revision).await.unwrap();
    }

    pub(crate) async fn rename(&self, id: ConversationId, title: Title) {
        let edit = Edit { title: Some(title), ..Edit::default() };
        self.chat.conversations.edit(self.user_id, id, edit).await.unwrap();
    }

    /// What is stored, empty answers too.
    pub(crate) async fn stored(&self) -> Vec<Message> {
        self.chat.core.read_messages(self.user_id, self.id, None, 100).await.unwrap()
    }

    pub(crate) async fn last_stored(&self) -> Message {
        self.stored().await.pop().unwrap()
    }

    pub(crate) async fn conversation(&self) -> Conversation {
        self.chat.conversations.find(self.user_id, self.id).await.unwrap()
    }

    pub(crate) async fn events(&self) -> Vec<Arc<Event>> {
        match self.chat.core.ports.log.read(self.id, 0).await.unwrap() {
            Replay::Complete(events) => events,
            gone @ Replay::Gone { .. } => panic!("not whole: {gone:?}"),
        }
    }

    /// The texts that are visible.
    pub(crate) async fn texts(&self) -> Vec<String> {
        self.stored().await.into_iter().map(|message| message.content).collect()
    }

    /// All that followers were told, in short.
    pub(crate) async fn told(&self) -> Vec<String> {
        self.events().await.iter().map(|event| in_short(&event.body)).collect()
    }

    /// Both clocks move on: the one that is asked, and the one that is slept on.
    pub(crate) async fn wait(&self, duration: Duration) {
        self.clock.advance(duration);
        sleep(duration).await;
    }
}

/// Returns when there is nothing left to do but wait: paused time moves on only then.
pub(crate) async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

/// What would never come is a failure, not a test that hangs. Time is paused: it costs none.
pub(crate) async fn soon<T>(coming: impl Future<Output = T>) -> T {
    timeout(Duration::from_mins(1), coming).await.expect("it never comes")
}

pub(crate) fn message(content: &str) -> SendMessage {
    SendMessage { content: content.to_owned(), client_message_id: None, expected_position: None }
}

pub(crate) fn prompted(text: impl Into<String>) -> ContextEdit {
    ContextEdit { system_prompt: Some(PromptChoice::Custom(text.into())), parameters: None }
}

pub(crate) fn in_short(body: &EventBody) -> String {
    match body {
        EventBody::MessageAccepted(accepted) => format!("accepted: {}", accepted.content),
        EventBody::ResponseChunk(chunk) => format!("chunk: {}", chunk.chunk),
        EventBody::Error(failed) => format!("error: {}", failed.code),
        EventBody::ResponseEnd(end) => format!("end: {:?}, {:?}", end.finish_reason, end.status),
        EventBody::TokenUsage(usage) => format!("usage: {}", usage.total_tokens_used),
        EventBody::ConversationUpdated(ConversationChange::Title { title }) => {
            format!("title: {}", title.as_str())
        }
        EventBody::FileProgress(file) => {
            format!("file: {:?}, {} of {}", file.status, file.done, file.of)
        }
        EventBody::ConversationUpdated(ConversationChange::File { .. }) => "file added".to_owned(),
        EventBody::ConversationUpdated(ConversationChange::Archived { archived }) => {
            format!("archived: {archived}")
        }
        EventBody::ConversationUpdated(ConversationChange::FewShot) => "few-shot".to_owned(),
        EventBody::ConversationUpdated(ConversationChange::Context) => "context".to_owned(),
        EventBody::ConversationUpdated(ConversationChange::Branch) => "branch".to_owned(),
        EventBody::ConversationUpdated(ConversationChange::Compacted { summary_through }) => {
            format!("compacted: {summary_through}")
        }
        EventBody::ConversationUpdated(ConversationChange::Reset) => "reset".to_owned(),
        EventBody::ConversationUpdated(ConversationChange::Deleted) => "deleted".to_owned(),
    }
}

/// A store that takes the first message of a conversation and keeps nothing.
pub(crate) fn accepting_store() -> MockConversations {
    let mut store = MockConversations::new();
    store.expect_append().returning(|_, id, append, now| Ok(appended(id, append, now)));
    store
}

/// A log that can't take events of this name.
pub(crate) fn log_that_refuses(refused: &'static str) -> Arc<MockTurnLog> {
    let mut log = MockTurnLog::new();
    log.expect_checkpoint().returning(|_| Ok(Checkpoint { seq: 0, latest: 0, running_turn: None }));
    log.expect_append().returning(move |conversation_id, _, body| {
        if body.name() == refused {
            return Err(StoreError::unavailable("disk full"));
        }
        Ok(Arc::new(Event { conversation_id, seq: 1, body }))
    });
    Arc::new(log)
}

fn appended(conversation_id: ConversationId, append: Append, now: Timestamp) -> AppendOutcome {
    let stored = |(new, position): (NewMessage, u64)| Message {
        message_id: new.message_id,
        conversation_id,
        position,
        parent_id: None,
        turn_id: new.turn_id,
        role: new.role,
        content: new.content,
        token_count: new.token_count,
        status: new.status,
        error: None,
        created_at: new.created_at,
    };
    AppendOutcome::Stored {
        conversation: Conversation {
            conversation_id,
            title: append.title,
            created_at: now,
            updated_at: now,
            message_count: 2,
            total_tokens: 0,
            archived: false,
        },
        messages: append.messages.into_iter().zip(1..).map(stored).collect(),
    }
}

/// A model that hands each request to the test, which then makes the answer.
pub(crate) struct ScriptedModel {
    asking: mpsc::Sender<Asked>,
    asked: tokio::sync::Mutex<mpsc::Receiver<Asked>>,
    times_asked: AtomicUsize,
    refusal: Mutex<Option<ModelError>>,
}

/// A request, and the answer that is being made to it.
pub(crate) struct Asked {
    pub(crate) request: ChatRequest,
    answer: mpsc::Sender<Step>,
}

enum Step {
    Delta(Delta),
    Failure(ModelError),
    Panic,
}

impl ScriptedModel {
    fn new() -> Self {
        let (asking, asked) = mpsc::channel(16);
        Self {
            asking,
            asked: tokio::sync::Mutex::new(asked),
            times_asked: AtomicUsize::new(0),
            refusal: Mutex::default(),
        }
    }

    pub(crate) async fn asked(&self) -> Asked {
        soon(async { self.asked.lock().await.recv().await }).await.unwrap()
    }

    pub(crate) fn times_asked(&self) -> usize {
        self.times_asked.load(Ordering::SeqCst)
    }

    pub(crate) fn refuse_next(&self, error: ModelError) {
        *self.refusal.lock().unwrap() = Some(error);
    }
}

#[async_trait]
impl ChatModel for ScriptedModel {
    fn name(&self) -> Option<String> {
        None
    }

    async fn stream(&self, request: ChatRequest) -> Result<DeltaStream, ModelError> {
        self.times_asked.fetch_add(1, Ordering::SeqCst);
        if let Some(refusal) = self.refusal.lock().unwrap().take() {
            return Err(refusal);
        }
        let (answer, steps) = mpsc::channel(16);
        self.asking.send(Asked { request, answer }).await.unwrap();
        let deltas = stream::unfold(steps, |mut steps| async {
            let delta = match steps.recv().await? {
                Step::Delta(delta) => Ok(delta),
                Step::Failure(error) => Err(error),
                Step::Panic => panic!("the model panics"),
            };
            Some((delta, steps))
        });
        Ok(deltas.boxed())
    }
}

impl Asked {
    /// What the model got, without who said it.
    pub(crate) fn said(&self) -> Vec<&str> {
        self.request.messages.iter().map(|message| message.content.as_str()).collect()
    }

    pub(crate) async fn say(&self, text: &str) {
        self.step(Step::Delta(Delta::Text(text.to_owned()))).await;
    }

    /// The whole answer, until the turn has ended.
    pub(crate) async fn answer(self, text: &str, reason: FinishReason) {
        self.say(text).await;
        self.finish(reason).await;
        settle().await;
    }

    pub(crate) async fn filter(&self, category: &str) {
        self.step(Step::Delta(Delta::Filtered(vec![category.to_owned()]))).await;
    }

    pub(crate) async fn finish(self, reason: FinishReason) {
        self.step(Step::Delta(Delta::Finished(reason))).await;
    }

    pub(crate) async fn fail(self) {
        self.step(Step::Failure(ModelError::Failed("broken off".into()))).await;
    }

    pub(crate) async fn panic(self) {
        self.step(Step::Panic).await;
    }

    /// Whether nobody listens to the answer any more.
    pub(crate) fn is_dropped(&self) -> bool {
        self.answer.is_closed()
    }

    async fn step(&self, step: Step) {
        assert!(self.answer.send(step).await.is_ok(), "nobody listens to the answer");
    }
}
