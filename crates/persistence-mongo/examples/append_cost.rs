//! Measures the cost of appending to conversations of different lengths:
//! `cargo run --release -p webchat-persistence-mongo --example append_cost -- mongodb://127.0.0.1/costs`
//!
//! Use a new database: the example does not delete its data.
#![expect(clippy::print_stdout, reason = "prints its results")]

use std::error::Error;
use std::time::{Duration, Instant};

use webchat_domain::{
    Clock, ConversationId, MessageId, MessageStatus, NewMessage, SystemClock, TurnId, UserId,
};
use webchat_persistence::{
    AnswerUpdate, Append, ConversationTransfer, Conversations, StoredMessage, TurnLease,
};
use webchat_persistence_mongo::{MongoDatabase, MongoStore, Schema};

const LENGTHS: [u64; 4] = [10, 1_000, 10_000, 100_000];
const ROUNDS: u32 = 200;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let uri = std::env::args().nth(1).ok_or("missing argument: the URI of a MongoDB database")?;
    let database = MongoDatabase::connect(&uri).await?;
    Schema::of(database.clone()).prepare().await?;
    let store = MongoStore::new(database);
    let mut benches = Vec::new();
    for length in LENGTHS {
        benches.push(Bench::fill(&store, length).await?);
    }
    // Alternate between the lengths, so that other load on the machine affects all of them equally.
    for _ in 0..ROUNDS {
        for bench in &mut benches {
            bench.round().await?;
        }
    }
    println!("messages      turn    save_answer  append    newest 50 (median, ms)");
    for (length, bench) in LENGTHS.iter().zip(&mut benches) {
        let [turn, save, append, read] = bench.times.each_mut().map(|times| median(times));
        println!("{length:>8}{turn:>10.2}{save:>15.2}{append:>8.2}{read:>13.2}");
    }
    Ok(())
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64) * 1e3
}

type Outcome = Result<(), Box<dyn Error>>;

struct Bench<'a> {
    store: &'a MongoStore,
    user_id: UserId,
    id: ConversationId,
    times: [Vec<Duration>; 4],
}

impl<'a> Bench<'a> {
    async fn fill(store: &'a MongoStore, length: u64) -> Result<Self, Box<dyn Error>> {
        let (user_id, id) = (UserId::generate(), ConversationId::generate());
        store.create(user_id, id, SystemClock.now()).await?;
        let mut position = 0;
        while position < length {
            let batch: Vec<_> =
                (position + 1..=length).take(500).map(|at| stored(id, message(None), at)).collect();
            position += 500;
            store.put_messages(user_id, batch).await?;
        }
        let mut all = store.conversations_after(None, u32::MAX).await?;
        all.retain(|stored| stored.conversation.conversation_id == id);
        for mut conversation in all {
            conversation.last_position = length;
            conversation.conversation.message_count = length;
            store.put_conversation(conversation).await?;
        }
        Ok(Self { store, user_id, id, times: Default::default() })
    }

    async fn round(&mut self) -> Outcome {
        let turn_id = TurnId::generate();
        let answer = message(Some(turn_id));
        let mut moments = vec![Instant::now()];
        self.turn(turn_id, answer.clone()).await?;
        moments.push(Instant::now());
        self.save(turn_id, &answer).await?;
        moments.push(Instant::now());
        self.append().await?;
        moments.push(Instant::now());
        self.read().await?;
        moments.push(Instant::now());
        for (times, pair) in self.times.iter_mut().zip(moments.array_windows()) {
            let [start, end] = pair;
            times.push(*end - *start);
        }
        Ok(())
    }

    async fn append(&self) -> Outcome {
        let append = Append { messages: vec![message(None)], ..Append::default() };
        self.store.append(self.user_id, self.id, append, SystemClock.now()).await?;
        Ok(())
    }

    /// Appends a question and the placeholder of its answer.
    async fn turn(&self, turn_id: TurnId, answer: NewMessage) -> Outcome {
        // The lease has expired already, so that the next turn can start.
        let turn = Some(TurnLease { turn_id, lease_until: SystemClock.now() });
        let append =
            Append { messages: vec![message(Some(turn_id)), answer], turn, ..Append::default() };
        self.store.append(self.user_id, self.id, append, SystemClock.now()).await?;
        Ok(())
    }

    async fn save(&self, turn_id: TurnId, answer: &NewMessage) -> Outcome {
        let now = SystemClock.now();
        let answer = AnswerUpdate {
            message_id: answer.message_id,
            turn_id,
            content: text(),
            reasoning: None,
            token_count: 100,
            status: MessageStatus::Interrupted,
            error: None,
            ended_at: None,
            lease_until: Some(now),
        };
        self.store.save_answer(self.id, answer, now).await?;
        Ok(())
    }

    async fn read(&self) -> Outcome {
        self.store.messages(self.user_id, self.id, None, 50).await?;
        Ok(())
    }
}

fn message(turn_id: Option<TurnId>) -> NewMessage {
    NewMessage { turn_id, ..NewMessage::question(text(), 100, SystemClock.now()) }
}

/// Returns 500 characters of mostly different words.
fn text() -> String {
    let mut text = String::new();
    while text.len() < 500 {
        text.push_str(MessageId::generate().to_simple().get(20..28).unwrap_or_default());
        text.push_str(" tide ");
    }
    text.truncate(500);
    text
}

fn stored(conversation_id: ConversationId, new: NewMessage, position: u64) -> StoredMessage {
    let message = new.into_message(conversation_id, position, None);
    StoredMessage { message, client_message_id: None, active: true }
}
