//! The stores that the benchmarks measure, and functions that fill them.

use std::env;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use mongodb::bson::doc;
use mongodb::bson::oid::ObjectId;
use tempfile::TempDir;
use webchat_domain::{Context, Conversation, ConversationId, Message, Role, Timestamp, UserId};
use webchat_persistence::{ConversationTransfer, Conversations, StoredConversation, StoredMessage};
use webchat_persistence_mongo::{MongoDatabase, MongoStore, Schema};
use webchat_persistence_sqlite::SqliteStore;

use crate::support::prose::Prose;

/// The number of messages per transaction. It is small, because MongoDB indexes each word of each message.
const BATCH_SIZE: usize = 100;

/// The number of conversations that are stored concurrently, so that MongoDB makes many of them durable with one
/// write to disk.
const CONCURRENCY: usize = 64;

/// The time at which the first message was created.
const START: Timestamp = Timestamp::from_unix_millis(1_767_323_045_000);

/// The secret key that all instances share.
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef";

pub(crate) trait Store: Conversations + ConversationTransfer {}

impl<T: Conversations + ConversationTransfer> Store for T {}

/// A new store, with the directory or the database that contains its data.
pub(crate) struct Backend {
    pub(crate) name: &'static str,
    pub(crate) store: Arc<dyn Store>,
    storage: Storage,
}

enum Storage {
    Directory(TempDir),
    Database(MongoTestDatabase),
}

/// A new database on the MongoDB server that `make bench` starts.
pub(crate) struct MongoTestDatabase {
    pub(crate) uri: String,
    pub(crate) database: mongodb::Database,
}

impl Backend {
    pub(crate) async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("webchat.db")).await.unwrap();
        Self { name: "SQLite", store: Arc::new(store), storage: Storage::Directory(dir) }
    }

    pub(crate) async fn mongo() -> Self {
        let server = MongoTestDatabase::new().await;
        let database = MongoDatabase::connect(&server.uri).await.unwrap();
        Schema::of(database.clone()).prepare().await.unwrap();
        let store = Arc::new(MongoStore::new(database));
        Self { name: "MongoDB", store, storage: Storage::Database(server) }
    }

    /// Waits until the store has completed its background work.
    pub(crate) async fn settle(&self) {
        if let Storage::Database(server) = &self.storage {
            server.settle().await;
        }
    }

    pub(crate) async fn remove(self) {
        drop(self.store);
        match self.storage {
            Storage::Directory(dir) => dir.close().unwrap(),
            Storage::Database(server) => server.remove().await,
        }
    }
}

impl MongoTestDatabase {
    pub(crate) async fn new() -> Self {
        let server = required_variable("TEST_MONGODB_URI");
        let name = format!("webchat_bench_{}", ObjectId::new());
        let (hosts, options) = server.split_once('?').unwrap_or((&server, ""));
        let uri = format!("{}/{name}?{options}", hosts.trim_end_matches('/'));
        let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
        Self { database: client.database(&name), uri }
    }

    /// Waits until MongoDB has written everything to its data files.
    pub(crate) async fn settle(&self) {
        let admin = self.database.client().database("admin");
        admin.run_command(doc! { "fsync": 1 }).await.unwrap();
    }

    pub(crate) async fn remove(self) {
        self.database.drop().await.unwrap();
        self.settle().await;
    }
}

/// Returns an environment variable that `make bench` sets.
#[expect(clippy::disallowed_methods, reason = "`make bench` sets the servers' addresses")]
pub(crate) fn required_variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `make bench`"))
}

/// Stores a conversation with this number of messages of 500 characters.
pub(crate) async fn load_conversation(
    store: &dyn Store,
    user_id: UserId,
    messages: u32,
    prose: &mut Prose,
) -> ConversationId {
    let id = ConversationId::generate();
    let stored: Vec<_> =
        (1..=messages).map(|position| stored_message(id, position, prose.text(500))).collect();
    let last = &stored.last().unwrap().message;
    store.put_conversation(stored_conversation(user_id, last)).await.unwrap();
    load_messages(store, user_id, stored).await;
    id
}

/// Stores this number of conversations with one short message each.
pub(crate) async fn load_conversations(
    store: &dyn Store,
    user_id: UserId,
    conversations: u32,
    prose: &mut Prose,
) {
    let mut stored: Vec<_> = (0..conversations)
        .map(|_| stored_message(ConversationId::generate(), 1, prose.text(70)))
        .collect();
    for (stored, number) in stored.iter_mut().zip(0..) {
        stored.message.created_at = Timestamp::from_unix_millis(START.unix_millis() + number);
    }
    stream::iter(stored.iter().map(|stored| stored_conversation(user_id, &stored.message)))
        .for_each_concurrent(CONCURRENCY, async |conversation| {
            store.put_conversation(conversation).await.unwrap();
        })
        .await;
    load_messages(store, user_id, stored).await;
}

async fn load_messages(store: &dyn Store, user_id: UserId, messages: Vec<StoredMessage>) {
    stream::iter(messages.chunks(BATCH_SIZE))
        .for_each_concurrent(4, async |batch| {
            store.put_messages(user_id, batch.to_vec()).await.unwrap();
        })
        .await;
}

/// Creates the conversation that ends with this message.
fn stored_conversation(user_id: UserId, last: &Message) -> StoredConversation {
    StoredConversation {
        user_id,
        conversation: Conversation {
            conversation_id: last.conversation_id,
            title: None,
            created_at: last.created_at,
            updated_at: last.created_at,
            message_count: last.position,
            total_tokens: last.position * u64::from(last.token_count),
            archived: false,
        },
        head: Some(last.message_id),
        last_position: last.position,
        context: Context::default(),
    }
}

fn stored_message(id: ConversationId, position: u32, content: String) -> StoredMessage {
    StoredMessage { message: message(id, position, content), client_message_id: None, active: true }
}

/// Creates a message. Questions and answers alternate.
pub(crate) fn message(id: ConversationId, position: u32, content: String) -> Message {
    Message {
        conversation_id: id,
        position: position.into(),
        role: if position % 2 == 1 { Role::User } else { Role::Assistant },
        content,
        token_count: 100,
        created_at: START,
        ..Message::fixture()
    }
}
