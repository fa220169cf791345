//! Tests of operations on long conversations, which take several transactions.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use webchat_domain::{Conversation, ConversationId, Message, UserId};
use webchat_persistence::{
    ConversationTransfer, Conversations, SelectOutcome, StoredConversation, StoredMessage,
};
use webchat_persistence_sqlite::{OpenError, SqliteStore};

const MESSAGES: u32 = 5_000;

#[tokio::test]
async fn a_deletion_continues_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("webchat.db");
    let (conversation, messages) = long_conversation();
    let (user_id, id) = (conversation.user_id, conversation.conversation.conversation_id);
    let store = open(&path).await;
    store.insert_with_messages(conversation.clone(), messages.clone()).await.unwrap();
    store.delete(user_id, id).await.unwrap();
    let remaining = store.stored_bytes_of(user_id).await.unwrap();
    drop(store);

    let store = open(&path).await;

    assert!(remaining > 0, "the deletion was finished before the restart");
    assert!(store.conversation_of(user_id, id).await.unwrap().is_none());
    wait_until_freed(&store, user_id).await;
    assert!(store.insert_with_messages(conversation, messages).await.unwrap());
}

#[tokio::test]
async fn a_reset_continues_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("webchat.db");
    let (conversation, messages) = long_conversation();
    let (user_id, id) = (conversation.user_id, conversation.conversation.conversation_id);
    let now = conversation.conversation.created_at;
    let store = open(&path).await;
    store.insert_with_messages(conversation, messages).await.unwrap();
    store.reset(user_id, id, now).await.unwrap();
    drop(store);

    let store = open(&path).await;

    assert_eq!(store.messages_of(user_id, id, 0, 9).await.unwrap(), Some(Vec::new()));
    let is_freed = async {
        while store.stored_bytes_of(user_id).await.unwrap() > 2_000 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_mins(1), is_freed).await.unwrap();
    assert!(store.conversation_of(user_id, id).await.unwrap().is_some());
}

#[tokio::test]
async fn an_interrupted_insertion_is_removed_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("webchat.db");
    let (conversation, messages) = long_conversation();
    let (user_id, id) = (conversation.user_id, conversation.conversation.conversation_id);
    let store = open(&path).await;
    let some_messages_are_written = async {
        while store.stored_bytes_of(user_id).await.unwrap() < 100_000 {
            sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        biased;
        () = some_messages_are_written => {}
        _ = store.insert_with_messages(conversation.clone(), messages.clone()) => {
            panic!("the insertion was not interrupted")
        }
    }
    drop(store);

    let store = open(&path).await;

    assert!(store.conversation_of(user_id, id).await.unwrap().is_none());
    wait_until_freed(&store, user_id).await;
    assert!(store.insert_with_messages(conversation, messages.clone()).await.unwrap());
    assert_eq!(store.messages_of(user_id, id, 0, MESSAGES).await.unwrap(), Some(messages));
}

#[tokio::test]
async fn an_interrupted_insertion_can_be_repeated_immediately() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("webchat.db")).await;
    let (conversation, messages) = long_conversation();
    let (user_id, id) = (conversation.user_id, conversation.conversation.conversation_id);
    let insert = || store.insert_with_messages(conversation.clone(), messages.clone());
    assert!(
        timeout(Duration::from_millis(50), insert()).await.is_err(),
        "the insertion was not interrupted"
    );

    assert!(insert().await.unwrap());

    assert_eq!(store.messages_of(user_id, id, 0, MESSAGES).await.unwrap(), Some(messages.clone()));
}

#[tokio::test]
async fn a_long_selection_is_overtaken_by_a_new_conversation() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("webchat.db")).await;
    let (conversation, mut messages) = long_conversation();
    for index in 0..messages.len() {
        messages[index].message.parent_id =
            index.checked_sub(1).map(|previous| messages[previous].message.message_id);
        messages[index].active = false;
    }
    let (user_id, id) = (conversation.user_id, conversation.conversation.conversation_id);
    let (first, now) = (messages[0].message.message_id, conversation.conversation.created_at);
    store.insert_with_messages(conversation, messages).await.unwrap();
    let mut selection = pin!(store.select(user_id, id, first, now));
    let is_started =
        async { while store.find(user_id, id).await.unwrap().unwrap().message_count == 0 {} };
    tokio::select! {
        biased;
        () = is_started => {}
        outcome = &mut selection => panic!("the selection had only one step: {outcome:?}"),
    }

    let other = store.create(UserId::generate(), ConversationId::generate(), now);
    tokio::select! {
        biased;
        created = other => assert!(created.unwrap().is_some()),
        _ = &mut selection => panic!("the other user had to wait for the whole selection"),
    }

    assert_eq!(selection.await.unwrap(), SelectOutcome::Visible { changed: true });
    let selected = store.find(user_id, id).await.unwrap().unwrap();
    assert_eq!(selected.message_count, u64::from(MESSAGES));
}

/// Opens the store. Retries while the tasks of a dropped store are still ending.
async fn open(path: &Path) -> SqliteStore {
    loop {
        match SqliteStore::open(path).await {
            Err(OpenError::InUse(_)) => sleep(Duration::from_millis(10)).await,
            opened => return opened.unwrap(),
        }
    }
}

async fn wait_until_freed(store: &SqliteStore, user_id: UserId) {
    let is_freed = async {
        while store.stored_bytes_of(user_id).await.unwrap() > 0 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_mins(1), is_freed).await.unwrap();
}

fn long_conversation() -> (StoredConversation, Vec<StoredMessage>) {
    let conversation_id = ConversationId::generate();
    let conversation = StoredConversation {
        user_id: UserId::generate(),
        conversation: Conversation { conversation_id, ..Conversation::fixture() },
        head: None,
        last_position: MESSAGES.into(),
        context: webchat_domain::Context::default(),
    };
    let message = |position| StoredMessage {
        message: Message { conversation_id, position, ..Message::fixture() },
        client_message_id: None,
        active: true,
    };
    (conversation, (1..=MESSAGES.into()).map(message).collect())
}
