//! What a conversation that outgrows the window asks of the model: how many summaries, and how many
//! tokens in all. Through Webchat's chat, and by the Flask application's rule, of which there are three
//! readings.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use webchat_chat::{Chat, FileSettings, Ports, SendMessage, Settings};
use webchat_domain::{FinishReason, SystemClock, UserId};
use webchat_llm::{ChatModel, ChatRequest, Delta, DeltaStream, ModelError};
use webchat_persistence_sqlite::{LocalSignals, SavedFilesDir, SqliteStore};
use webchat_tokens::{MESSAGE_OVERHEAD, REPLY_PRIMER, TokenCounter, chunks};

use crate::prose::Prose;
use crate::report::{Bench, Row};

const WINDOW: u32 = 8_000;
const REPLY: u32 = 800;

/// The tokens of a summary, of the 500 that it may have. One of little has half of that, where rules
/// make such: else they would not come to an end.
const SUMMARY: u32 = 400;

/// What the old rules send beside the messages when they ask for a summary.
const SUMMARY_PROMPT: u32 = 40;

/// A question and its answer.
struct Exchange {
    question: String,
    answer: String,
}

/// What was asked of the model.
#[derive(Clone, Copy, Default)]
struct Asked {
    summaries: u32,
    /// Of these, those that no model with this window takes.
    too_long: u32,
    summary_tokens: u64,
    answer_tokens: u64,
}

impl Asked {
    fn for_summary(&mut self, tokens: u32) {
        self.summaries += 1;
        self.too_long += u32::from(tokens > WINDOW);
        self.summary_tokens += u64::from(tokens);
    }

    fn for_answer(&mut self, tokens: u32) {
        self.answer_tokens += u64::from(tokens);
    }
}

pub(crate) async fn measure(bench: Bench) {
    let counter = TokenCounter::load();
    let conversation = conversation(bench.size(2_000, 100));
    let tokens: Vec<[u32; 2]> = conversation
        .iter()
        .map(|exchange| {
            [&exchange.question, &exchange.answer]
                .map(|text| counter.count(text) + MESSAGE_OVERHEAD)
        })
        .collect();
    let said: u32 = tokens.iter().flatten().sum();
    bench.add(Row::of(format!("{} exchanges", tokens.len())).figure(
        "said",
        f64::from(said),
        "tokens",
    ));
    bench.add(
        row("Webchat", webchat(conversation, counter).await)
            .note(format!("each summary has {SUMMARY} tokens, here and below")),
    );
    bench.add(
        row("Flask, the oldest until the rest fits", oldest_first(&tokens))
            .note("the summary takes their place; a summary of one has half of its tokens"),
    );
    bench.add(
        row("Flask, all at once", all_at_once(&tokens))
            .note("the summary takes the place of all stored messages but two"),
    );
    bench.add(
        row("Flask, all at once, on each turn", all_on_each_turn(&tokens))
            .note("what is stored stays whole, and is summarised again"),
    );
}

fn row(case: &str, asked: Asked) -> Row {
    let thousands = |tokens: u64| f64::from(u32::try_from(tokens / 1_000).unwrap());
    Row::of(case)
        .figure("summaries", f64::from(asked.summaries), "")
        .figure("too long", f64::from(asked.too_long), "")
        .figure("sent for them", thousands(asked.summary_tokens), "k")
        .figure("sent in all", thousands(asked.summary_tokens + asked.answer_tokens), "k")
}

fn conversation(exchanges: u32) -> Vec<Exchange> {
    let mut prose = Prose::new();
    let mut text = |least, most| {
        let characters = prose.length(least, most);
        prose.text(characters)
    };
    (0..exchanges).map(|_| Exchange { question: text(20, 600), answer: text(100, 2_000) }).collect()
}

/// The real chat on a real store. Before the next question, all that a turn leaves to be done in the
/// background is waited for: the chat ends, and another one goes on.
async fn webchat(conversation: Vec<Exchange>, counter: TokenCounter) -> Asked {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("webchat.db")).await.unwrap();
    let (questions, answers): (Vec<_>, VecDeque<_>) =
        conversation.into_iter().map(|Exchange { question, answer }| (question, answer)).unzip();
    let model = Arc::new(CountingModel::new(answers, counter));
    let ports = Ports {
        log: Arc::new(store.turn_log()),
        conversations: Arc::new(store.clone()),
        contexts: Arc::new(store.clone()),
        archive: Arc::new(store.clone()),
        file_jobs: Arc::new(store.clone()),
        sessions: Arc::new(store),
        saved_files: Arc::new(SavedFilesDir::at(folder.path().to_owned())),
        signals: Arc::new(LocalSignals::new()),
        probes: Vec::new(),
        model: model.clone(),
        clock: Arc::new(SystemClock),
        tokens: counter,
    };
    let settings = Settings {
        max_tokens: WINDOW,
        reply_tokens: REPLY,
        session_ttl: Duration::from_hours(1),
        system_prompt: None,
        auto_titles: false,
        files: FileSettings::default(),
        turns_per_user: None,
    };
    let owner = UserId::generate();
    let begun =
        Chat::new(ports.clone(), settings.clone()).start_conversation(owner, None).await.unwrap();
    for content in questions {
        let chat = Chat::new(ports.clone(), settings.clone());
        let message = SendMessage { content, client_message_id: None, expected_position: None };
        chat.send_message(owner, begun.conversation_id, message).await.unwrap();
        chat.shutdown(Duration::from_mins(1)).await;
    }
    *model.asked.lock().unwrap()
}

/// Answers as the conversation goes, and counts what it is asked.
struct CountingModel {
    counter: TokenCounter,
    counted: Mutex<HashMap<String, u32>>,
    answers: Mutex<VecDeque<String>>,
    summary: String,
    asked: Mutex<Asked>,
}

impl CountingModel {
    fn new(answers: VecDeque<String>, counter: TokenCounter) -> Self {
        let text = Prose::new().text(10_000);
        let summary = chunks(&text, SUMMARY, counter)[0].to_owned();
        Self {
            counter,
            counted: Mutex::default(),
            answers: Mutex::new(answers),
            summary,
            asked: Mutex::default(),
        }
    }

    fn count(&self, request: &ChatRequest) -> u32 {
        let mut counted = self.counted.lock().unwrap();
        let messages = request.messages.iter().map(|message| {
            let count = || self.counter.count(&message.content);
            *counted.entry(message.content.clone()).or_insert_with(count) + MESSAGE_OVERHEAD
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
        let mut asked = self.asked.lock().unwrap();
        let text = if request.max_reply_tokens == REPLY {
            asked.for_answer(tokens);
            self.answers.lock().unwrap().pop_front().unwrap()
        } else {
            asked.for_summary(tokens);
            self.summary.clone()
        };
        let deltas = [Ok(Delta::Text(text)), Ok(Delta::Finished(FinishReason::Stop))];
        Ok(stream::iter(deltas).boxed())
    }
}

const LIMIT: u32 = WINDOW - REPLY;

/// Messages are taken off the beginning until the rest is below the limit, and one summary of them is
/// put there. A former summary is the first to be taken.
fn oldest_first(conversation: &[[u32; 2]]) -> Asked {
    let mut asked = Asked::default();
    let mut stored: VecDeque<u32> = VecDeque::new();
    for &[question, answer] in conversation {
        stored.push_back(question);
        while sum(&stored) >= LIMIT {
            let mut taken = 0;
            while sum(&stored) >= LIMIT {
                taken += stored.pop_front().unwrap();
            }
            asked.for_summary(taken + SUMMARY_PROMPT);
            stored.push_front(SUMMARY.min(taken / 2));
        }
        asked.for_answer(sum(&stored) + REPLY_PRIMER);
        stored.push_back(answer);
    }
    asked
}

/// One summary of all takes the place of all but the last two messages.
fn all_at_once(conversation: &[[u32; 2]]) -> Asked {
    let mut asked = Asked::default();
    let mut stored: VecDeque<u32> = VecDeque::new();
    for &[question, answer] in conversation {
        stored.push_back(question);
        if sum(&stored) > LIMIT {
            asked.for_summary(sum(&stored) + SUMMARY_PROMPT);
            stored = with_summary(&stored);
        }
        asked.for_answer(sum(&stored) + REPLY_PRIMER);
        stored.push_back(answer);
    }
    asked
}

/// The same, in the request alone: the next turn finds all messages again.
fn all_on_each_turn(conversation: &[[u32; 2]]) -> Asked {
    let mut asked = Asked::default();
    let mut stored: VecDeque<u32> = VecDeque::new();
    for &[question, answer] in conversation {
        stored.push_back(question);
        if sum(&stored) > LIMIT {
            asked.for_summary(sum(&stored) + SUMMARY_PROMPT);
            asked.for_answer(sum(&with_summary(&stored)) + REPLY_PRIMER);
        } else {
            asked.for_answer(sum(&stored) + REPLY_PRIMER);
        }
        stored.push_back(answer);
    }
    asked
}

/// The summary, and the last two messages.
fn with_summary(stored: &VecDeque<u32>) -> VecDeque<u32> {
    let last = stored.iter().skip(stored.len().saturating_sub(2)).copied();
    [SUMMARY].into_iter().chain(last).collect()
}

fn sum(tokens: &VecDeque<u32>) -> u32 {
    tokens.iter().sum()
}
