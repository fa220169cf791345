//! The operator's export and import, and round trips between stores.

use std::fs;
use std::ops::ControlFlow;
use std::sync::Arc;

use futures_util::TryStreamExt;
use serde_json::Value;
use webchat_chat::{ImportOwner, ImportTarget, export_all_users, export_user, import};
use webchat_domain::{
    Context, Conversation, ConversationId, FewShotExample, Message, MessageId, MessageStatus, Role,
    Summary, SummaryAuthor, SystemPrompt, Timestamp, Title, UserId,
};
use webchat_persistence::{ConversationTransfer, StoredConversation, StoredMessage};
use webchat_persistence_mongo::{MongoDatabase, MongoStore, Schema};
use webchat_persistence_sqlite::SqliteStore;
use webchat_tests::{Process, ScriptedModel, mongodb_uri};
use webchat_tokens::TokenCounter;

use super::support::with_numbered_ids;

#[tokio::test]
async fn the_operator_exports_and_imports_all_users() {
    let model = ScriptedModel::start();
    let (source, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut server = Process::start(source.path(), &[("AZURE_API_URL", model.url())]).await;
    let (first_user, second_user) = (server.browser(), server.browser());
    for (browser, text) in [(&first_user, "first"), (&second_user, "second")] {
        let id = browser.start_conversation().await;
        browser.connect().await.ask(&id, text).await;
    }
    let users_export = first_user.get("/api/v1/export").await.text;
    server.terminate().await;
    assert!(server.exits_successfully().await);
    let file = target.path().join("all.json");
    let file = file.to_str().unwrap();
    let source_dir = ("DATA_DIR", source.path().to_str().unwrap());
    let target_dir = ("DATA_DIR", target.path().to_str().unwrap());

    let exported = Process::run_with(&["export", "--to", file], &[source_dir]).await;
    let exported_again = Process::run_with(&["export", "--to", file], &[source_dir]).await;
    let imported = Process::run_with(&["import", file], &[target_dir]).await;
    let imported_again = Process::run_with(&["import", file], &[target_dir]).await;
    let exported_file: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let conversations = exported_file["conversations"].as_array().unwrap().iter();
    let user_ids: Vec<_> =
        conversations.map(|conversation| conversation["user_id"].as_str().unwrap()).collect();
    let printed = Process::run_with(&["export", "--user", user_ids[0]], &[target_dir]).await;
    fs::write(file, &users_export).unwrap();
    let without_owner = Process::run_with(&["import", file], &[target_dir]).await;
    let with_owner =
        Process::run_with(&["import", file, "--user", user_ids[1]], &[target_dir]).await;

    assert!(exported.success, "{exported:?}");
    assert!(
        !exported_again.success && exported_again.stderr.contains("can't access"),
        "{exported_again:?}"
    );
    let counts = "imported: 2 conversations, 4 messages; 0 conversations got new messages, 0 already existed";
    assert!(imported.stdout.contains(counts), "{imported:?}");
    let counts = "0 messages; 0 conversations got new messages, 2 already existed";
    assert!(imported_again.stdout.contains(counts), "{imported_again:?}");
    let printed: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!(printed["conversations"].as_array().unwrap().len(), 1);
    assert!(without_owner.stderr.contains("it has no user_id"), "{without_owner:?}");
    assert!(with_owner.success, "{with_owner:?}");
}

async fn sqlite() -> (SqliteStore, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (SqliteStore::open(&dir.path().join("webchat.db")).await.unwrap(), dir)
}

async fn mongo() -> MongoStore {
    let database = MongoDatabase::connect(&mongodb_uri()).await.unwrap();
    Schema::of(database.clone()).prepare().await.unwrap();
    MongoStore::new(database)
}

async fn export_text(export: webchat_chat::ExportStream) -> String {
    export.try_collect::<Vec<String>>().await.unwrap().concat()
}

/// Exports from one store, imports into the other, and then back into the first one as another user.
#[tokio::test]
async fn a_round_trip_between_stores_preserves_the_export() {
    let ((sqlite, _dir), mongo) = (sqlite().await, mongo().await);
    let stores: [Arc<dyn ConversationTransfer>; 2] = [Arc::new(sqlite.clone()), Arc::new(mongo)];
    let owner = UserId::generate();
    for (conversation, messages) in [branched(owner), empty(owner)] {
        assert!(stores[0].insert_with_messages(conversation, messages).await.unwrap());
    }
    let first = export_text(export_user(Arc::clone(&stores[0]), owner)).await;

    assert_eq!(first.matches("\"active\":true").count(), 2);
    let mut file = first.clone();
    for store in [&stores[1], &stores[0]] {
        let owner = UserId::generate();
        let target = ImportTarget {
            transfer: Arc::clone(store),
            tokens: TokenCounter::default(),
            now: Timestamp::from_unix_millis(0),
            quota: None,
            max_bytes: u64::MAX,
        };
        let bytes = std::io::Cursor::new(file.into_bytes());
        let progress = |_: &_| ControlFlow::Continue(());
        let imported = import(&target, ImportOwner::User(owner), bytes, progress).await.unwrap();
        assert_eq!((imported.imported, imported.messages), (2, 130));
        file = export_text(export_user(Arc::clone(store), owner)).await;
        assert_eq!(with_numbered_ids(&file), with_numbered_ids(&first));
    }
    let all = export_all_users(Arc::new(sqlite.clone()));
    let all: Value = serde_json::from_str(&export_text(all).await).unwrap();
    assert_eq!(all["conversations"].as_array().unwrap().len(), 4);
    assert_eq!(sqlite.totals().await.unwrap().messages, 260);
}

/// Creates a conversation with all fields set: a question with 129 answers, of which the last one is visible. The
/// messages fill more than one page.
fn branched(user_id: UserId) -> (StoredConversation, Vec<StoredMessage>) {
    let tokens = TokenCounter::default();
    let conversation_id = ConversationId::generate();
    let time = Timestamp::from_unix_millis;
    let question_id = MessageId::generate();
    let messages = (1..=130_u64).map(|position| {
        let content = format!("number {position}: \0 \u{2028} \"tides\" 🌊");
        let is_question = position == 1;
        let statuses = [MessageStatus::Stopped, MessageStatus::Truncated, MessageStatus::Complete];
        let base = if position == 130 { Message::full_fixture() } else { Message::fixture() };
        let message = Message {
            message_id: if is_question { question_id } else { MessageId::generate() },
            conversation_id,
            position: 2 * position,
            parent_id: (!is_question).then_some(question_id),
            turn_id: is_question.then(webchat_domain::TurnId::generate),
            role: if is_question { Role::User } else { Role::Assistant },
            token_count: tokens.count(&content),
            content,
            status: statuses[usize::try_from(position % 3).unwrap()],
            created_at: time(1_767_323_045_000 + i64::try_from(position).unwrap()),
            ..base
        };
        let client_message_id = if is_question { "c1".to_owned().try_into().ok() } else { None };
        StoredMessage { message, client_message_id, active: is_question || position == 130 }
    });
    let messages: Vec<StoredMessage> = messages.collect();
    let conversation = Conversation {
        conversation_id,
        title: Title::try_from("Tides".to_owned()).ok(),
        created_at: time(7),
        updated_at: time(8),
        message_count: 2,
        total_tokens: 9,
        archived: true,
    };
    let head = messages.last().map(|last| last.message.message_id);
    (
        StoredConversation {
            user_id,
            conversation,
            head,
            last_position: 300,
            context: full_context(tokens),
        },
        messages,
    )
}

/// Creates a context with all fields set.
fn full_context(tokens: TokenCounter) -> Context {
    let count = |text: &str| (text.to_owned(), tokens.count(text));
    let ((prompt, prompt_tokens), (summary, summary_tokens)) =
        (count("Be brief."), count("Tides."));
    Context {
        system_prompt: Some(SystemPrompt { text: prompt, token_count: prompt_tokens }),
        parameters: serde_json::from_str(r#"{"temperature": 0.7, "seed": 3}"#).unwrap(),
        reply_tokens: Some(500),
        model: Some("gpt-4.1".parse().unwrap()),
        examples: vec![FewShotExample {
            example_id: webchat_domain::ExampleId::generate(),
            user_prompt: "1 + 1?".to_owned(),
            assistant_response: "2.".to_owned(),
            prompt_tokens: tokens.count("1 + 1?"),
            response_tokens: tokens.count("2."),
            created_at: Timestamp::from_unix_millis(5),
        }],
        summary: Some(Summary {
            text: summary,
            token_count: summary_tokens,
            through: 2,
            message_count: 1,
            created_at: Timestamp::from_unix_millis(6),
            author: SummaryAuthor::User,
        }),
    }
}

fn empty(owner: UserId) -> (StoredConversation, Vec<StoredMessage>) {
    let (branched, _) = branched(owner);
    let created_at = Timestamp::from_unix_millis(9);
    let conversation =
        Conversation { title: None, created_at, message_count: 0, ..branched.conversation };
    let context = Context::default();
    (StoredConversation { conversation, head: None, last_position: 0, context, ..branched }, vec![])
}
