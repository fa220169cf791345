//! Tests of the number of round trips to the server, each of which costs CPU time on both sides.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use webchat_domain::{ClientMessageId, ConversationId, NewMessage, TurnId, UserId};
use webchat_persistence::testing::{empty_answer, final_state, moment, question};
use webchat_persistence::{
    AnswerUpdate, Append, AppendOutcome, Contexts, Conversations, TurnLease,
};
use webchat_persistence_mongo::{MongoDatabase, MongoStore, Schema};

use crate::support::TestDatabase;
use crate::support::server::eventually;

/// The commands of a turn. Each additional one slows down every turn.
const TURN: &str = "\
context: find conversations
append: findAndModify conversations, insert messages, commitTransaction
messages: find messages, find conversations
save progress: findAndModify messages, update conversations, commitTransaction
save answer: findAndModify messages, update conversations, commitTransaction
end turn: update conversations
";

/// A store that records its commands.
struct RecordingStore {
    store: MongoStore,
    commands: Arc<Mutex<Vec<String>>>,
    /// The steps with their commands.
    steps: Vec<String>,
}

impl RecordingStore {
    async fn open(database: &TestDatabase) -> Self {
        let commands = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&commands);
        let record = move |command| lock(&record).push(command);
        let monitored = MongoDatabase::connect_monitored(&database.uri, record).await.unwrap();
        Schema::of(monitored.clone()).prepare().await.unwrap();
        let store = MongoStore::new(monitored);
        // On startup, the indexer looks once for messages that an older release has written.
        let is_indexed =
            async || lock(&commands).iter().any(|command| command == "aggregate messages");
        eventually(is_indexed).await;
        Self { store, commands, steps: Vec::new() }
    }

    /// Calls the store, and records the commands of the call as a step.
    async fn step<T>(&mut self, name: &str, call: impl AsyncFnOnce(&MongoStore) -> T) -> T {
        lock(&self.commands).clear();
        let result = call(&self.store).await;
        let commands = mem::take(&mut *lock(&self.commands));
        // Background tasks use other collections.
        let belongs_to_call = |command: &&String| {
            ["conversations", "messages", "Transaction"]
                .iter()
                .any(|suffix| command.ends_with(suffix))
        };
        let commands: Vec<_> = commands.iter().filter(belongs_to_call).cloned().collect();
        self.steps.push(format!("{name}: {}\n", commands.join(", ")));
        result
    }
}

fn lock(commands: &Mutex<Vec<String>>) -> impl std::ops::DerefMut<Target = Vec<String>> {
    commands.lock().unwrap_or_else(PoisonError::into_inner)
}

fn turn(turn_id: TurnId) -> Append {
    let question = NewMessage { turn_id: Some(turn_id), ..question("why?") };
    Append {
        messages: vec![question, empty_answer(turn_id)],
        client_message_id: ClientMessageId::try_from("c1".to_owned()).ok(),
        turn: Some(TurnLease { turn_id, lease_until: moment(10_000) }),
        title: "Why?".to_owned().try_into().ok(),
        ..Append::default()
    }
}

#[tokio::test]
async fn a_turn_takes_few_round_trips() {
    let database = TestDatabase::new();
    let mut recording = RecordingStore::open(&database).await;
    let (user_id, id, turn_id) =
        (UserId::generate(), ConversationId::generate(), TurnId::generate());
    recording.store.create(user_id, id, moment(0)).await.unwrap();

    recording.step("context", async |store| store.context(user_id, id).await).await.unwrap();
    let append =
        async |store: &MongoStore| store.append(user_id, id, turn(turn_id), moment(1)).await;
    let appended = recording.step("append", append).await.unwrap();
    let AppendOutcome::Stored { messages, .. } = appended else { panic!("{appended:?}") };
    let page = async |store: &MongoStore| store.messages(user_id, id, Some(1), 50).await;
    recording.step("messages", page).await.unwrap();
    let end = final_state(&messages[1], "Because.");
    let progress = AnswerUpdate { lease_until: Some(moment(12_000)), ..end.clone() };
    for (name, update) in [("save progress", progress), ("save answer", end)] {
        let save = async |store: &MongoStore| store.save_answer(id, update, moment(2)).await;
        assert!(recording.step(name, save).await.unwrap());
    }
    let end_turn = async |store: &MongoStore| store.end_turn(id, turn_id).await;
    assert!(recording.step("end turn", end_turn).await.unwrap());

    assert_eq!(recording.steps.concat(), TURN);
}
