//! The requests to the model, and their tokens, for a conversation that exceeds the window. Compares Webchat with
//! three interpretations of the Flask application's rule.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use webchat_chat::{
    Chat, DailyTokenLimits, FileSettings, Model, Models, Ports, SendMessage, Settings, SingleSignOn,
};
use webchat_domain::{FinishReason, SystemClock, UserId};
use webchat_llm::{AnswerLimit, ChatModel, ChatRequest, Delta, DeltaStream, ModelError};
use webchat_persistence_sqlite::{LocalSignals, SavedFilesDir, SqliteStore};
use webchat_tokens::{MESSAGE_OVERHEAD, REPLY_PRIMER, TokenCounter, chunks};

use crate::support::prose::Prose;
use crate::support::report::{BenchContext, Row};

const WINDOW: u32 = 8_000;
const REPLY: u32 = 800;

/// The number of tokens of each summary. At most 500 are allowed.
const SUMMARY: u32 = 400;

/// The number of tokens of the prompt with which the Flask application requests a summary.
const SUMMARY_PROMPT: u32 = 40;

/// A question and its answer.
struct Turn {
    question: String,
    answer: String,
}

/// Counts the requests to the model and their tokens.
#[derive(Clone, Copy, Default)]
struct Requests {
    summaries: u32,
    /// The number of summary requests that exceed the window.
    over_window: u32,
    summary_tokens: u64,
    answer_tokens: u64,
}

impl Requests {
    fn add_summary(&mut self, tokens: u32) {
        self.summaries += 1;
        self.over_window += u32::from(tokens > WINDOW);
        self.summary_tokens += u64::from(tokens);
    }

    fn add_answer(&mut self, tokens: u32) {
        self.answer_tokens += u64::from(tokens);
    }
}

pub(crate) async fn measure(bench: BenchContext) {
    let counter = TokenCounter::default();
    let conversation = conversation(bench.full_or_quick(2_000, 100));
    let tokens: Vec<[u32; 2]> = conversation
        .iter()
        .map(|turn| {
            [&turn.question, &turn.answer].map(|text| counter.count(text) + MESSAGE_OVERHEAD)
        })
        .collect();
    let total: u32 = tokens.iter().flatten().sum();
    bench.add(Row::new(format!("{} turns", tokens.len())).figure(
        "total",
        f64::from(total),
        "tokens",
    ));
    bench.add(
        row("Webchat", webchat(conversation, counter).await)
            .note(format!("each summary has {SUMMARY} tokens, here and below")),
    );
    bench.add(
        row("Flask, the oldest until the rest fits", oldest_first(&tokens))
            .note("the summary replaces them; it has at most half of their tokens"),
    );
    bench.add(
        row("Flask, all in one summary", all_in_one(&tokens))
            .note("the summary replaces all stored messages but two"),
    );
    bench.add(
        row("Flask, all in one summary, on each turn", all_on_each_turn(&tokens))
            .note("the stored messages stay and are summarised again"),
    );
}

fn row(case: &str, requests: Requests) -> Row {
    let thousands = |tokens: u64| f64::from(u32::try_from(tokens / 1_000).unwrap());
    Row::new(case)
        .figure("summaries", f64::from(requests.summaries), "")
        .figure("too long", f64::from(requests.over_window), "")
        .figure("summary tokens", thousands(requests.summary_tokens), "k")
        .figure("all tokens", thousands(requests.summary_tokens + requests.answer_tokens), "k")
}

fn conversation(turns: u32) -> Vec<Turn> {
    let mut prose = Prose::new();
    let mut text = |min, max| {
        let characters = prose.length(min, max);
        prose.text(characters)
    };
    (0..turns).map(|_| Turn { question: text(20, 600), answer: text(100, 2_000) }).collect()
}

/// Sends the questions to the real chat with a real store. Shuts the chat down after each question, because the
/// shutdown waits for the background work of the turn.
async fn webchat(conversation: Vec<Turn>, counter: TokenCounter) -> Requests {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&dir.path().join("webchat.db")).await.unwrap();
    let (questions, answers): (Vec<_>, VecDeque<_>) =
        conversation.into_iter().map(|Turn { question, answer }| (question, answer)).unzip();
    let model = Arc::new(CountingModel::new(answers, counter));
    let ports = Ports {
        log: Arc::new(store.turn_log()),
        conversations: Arc::new(store.clone()),
        contexts: Arc::new(store.clone()),
        transfer: Arc::new(store.clone()),
        file_jobs: Arc::new(store.clone()),
        token_budgets: Arc::new(store.clone()),
        user_activity: Arc::new(store.clone()),
        accounts: Arc::new(store.clone()),
        api_keys: Arc::new(store.clone()),
        audit: Arc::new(store.clone()),
        identities: Arc::new(store.clone()),
        erasures: Arc::new(store.clone()),
        single_sign_on: SingleSignOn::default(),
        user_settings: Arc::new(store.clone()),
        sessions: Arc::new(store),
        saved_files: Arc::new(SavedFilesDir::at(dir.path().to_owned())),
        signals: Arc::new(LocalSignals::new()),
        probes: Vec::new(),
        models: Models::one(Model {
            id: "counting".parse().unwrap(),
            name: None,
            client: model.clone(),
            tokens: Some(counter),
            window_tokens: WINDOW,
            reply_tokens: Some(REPLY),
            groups: Vec::new(),
        }),
        clock: Arc::new(SystemClock),
    };
    let settings = settings();
    let user_id = UserId::generate();
    let conversation = Chat::new(ports.clone(), settings.clone())
        .conversations
        .start(user_id, None)
        .await
        .unwrap();
    for content in questions {
        let chat = Chat::new(ports.clone(), settings.clone());
        let message =
            SendMessage { content, client_message_id: None, expected_position: None, model: None };
        chat.turns.send(user_id, conversation.conversation_id, message).await.unwrap();
        chat.shutdown(Duration::from_mins(1)).await;
    }
    *model.requests.lock().unwrap()
}

/// The settings of a server without limits, titles and retention.
fn settings() -> Settings {
    Settings {
        session_ttl: Duration::from_hours(1),
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
        max_stored_bytes: webchat_chat::StoredBytesLimits::default(),
    }
}

/// A model that returns the conversation's answers and counts the tokens of the requests.
struct CountingModel {
    counter: TokenCounter,
    /// A cache of token counts, by text.
    counts: Mutex<HashMap<String, u32>>,
    answers: Mutex<VecDeque<String>>,
    summary: String,
    requests: Mutex<Requests>,
}

impl CountingModel {
    fn new(answers: VecDeque<String>, counter: TokenCounter) -> Self {
        let text = Prose::new().text(10_000);
        let summary = chunks(&text, SUMMARY, counter).next().unwrap().to_owned();
        Self {
            counter,
            counts: Mutex::default(),
            answers: Mutex::new(answers),
            summary,
            requests: Mutex::default(),
        }
    }

    fn count(&self, request: &ChatRequest) -> u32 {
        let mut counts = self.counts.lock().unwrap();
        let messages = request.messages.iter().map(|message| {
            let count = || self.counter.count(&message.content);
            *counts.entry(message.content.clone()).or_insert_with(count) + MESSAGE_OVERHEAD
        });
        messages.sum::<u32>() + REPLY_PRIMER
    }
}

#[async_trait]
impl ChatModel for CountingModel {
    fn name(&self) -> Option<String> {
        None
    }

    async fn stream(&self, request: ChatRequest) -> Result<DeltaStream, ModelError> {
        let tokens = self.count(&request);
        let mut requests = self.requests.lock().unwrap();
        let text = if request.answer_limit == AnswerLimit::Tokens(REPLY) {
            requests.add_answer(tokens);
            self.answers.lock().unwrap().pop_front().unwrap()
        } else {
            requests.add_summary(tokens);
            self.summary.clone()
        };
        let deltas = [Ok(Delta::Text(text)), Ok(Delta::Finished(FinishReason::Stop))];
        Ok(stream::iter(deltas).boxed())
    }
}

const LIMIT: u32 = WINDOW - REPLY;

/// Summarises the oldest messages until the rest is below the limit. The summary becomes the first message. If it
/// were longer than half of the summarised messages, this might not terminate.
fn oldest_first(conversation: &[[u32; 2]]) -> Requests {
    let mut requests = Requests::default();
    let mut stored: VecDeque<u32> = VecDeque::new();
    for &[question, answer] in conversation {
        stored.push_back(question);
        while sum(&stored) >= LIMIT {
            let mut summarised = 0;
            while sum(&stored) >= LIMIT {
                summarised += stored.pop_front().unwrap();
            }
            requests.add_summary(summarised + SUMMARY_PROMPT);
            stored.push_front(SUMMARY.min(summarised / 2));
        }
        requests.add_answer(sum(&stored) + REPLY_PRIMER);
        stored.push_back(answer);
    }
    requests
}

/// Replaces all messages but the last two by one summary of all.
fn all_in_one(conversation: &[[u32; 2]]) -> Requests {
    let mut requests = Requests::default();
    let mut stored: VecDeque<u32> = VecDeque::new();
    for &[question, answer] in conversation {
        stored.push_back(question);
        if sum(&stored) > LIMIT {
            requests.add_summary(sum(&stored) + SUMMARY_PROMPT);
            stored = with_summary(&stored);
        }
        requests.add_answer(sum(&stored) + REPLY_PRIMER);
        stored.push_back(answer);
    }
    requests
}

/// Like [`all_in_one`], but only in the request: the next turn starts with all messages again.
fn all_on_each_turn(conversation: &[[u32; 2]]) -> Requests {
    let mut requests = Requests::default();
    let mut stored: VecDeque<u32> = VecDeque::new();
    for &[question, answer] in conversation {
        stored.push_back(question);
        if sum(&stored) > LIMIT {
            requests.add_summary(sum(&stored) + SUMMARY_PROMPT);
            requests.add_answer(sum(&with_summary(&stored)) + REPLY_PRIMER);
        } else {
            requests.add_answer(sum(&stored) + REPLY_PRIMER);
        }
        stored.push_back(answer);
    }
    requests
}

/// The summary and the last two messages.
fn with_summary(stored: &VecDeque<u32>) -> VecDeque<u32> {
    let last = stored.iter().skip(stored.len().saturating_sub(2)).copied();
    [SUMMARY].into_iter().chain(last).collect()
}

fn sum(tokens: &VecDeque<u32>) -> u32 {
    tokens.iter().sum()
}
