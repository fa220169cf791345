//! What [`ConversationArchive`] promises.
#![expect(missing_docs, reason = "the name is the promise")]

use webchat_domain::{Conversation, ConversationId, Message, MessageId, SearchQuery, UserId};

use super::transfer::{id_of, sample};
use super::{moment, question};
use crate::{
    Append, Contexts, ConversationArchive, Conversations, Cursor, StoredConversation, StoredMessage,
};

pub async fn a_whole_conversation_is_added_and_comes_back_unchanged<S>(store: &S)
where
    S: Conversations + Contexts + ConversationArchive,
{
    let (conversation, messages) = sample();
    let (user_id, id) = (conversation.user_id, id_of(&conversation));

    assert!(store.insert_with_messages(conversation.clone(), messages.clone()).await.unwrap());

    let found = store.conversation_of(user_id, id).await.unwrap();
    assert_eq!(found.as_ref(), Some(&conversation));
    assert_eq!(store.messages_of(user_id, id, 0, 9).await.unwrap().unwrap(), messages);
    assert_eq!(store.messages_of(user_id, id, 0, 1).await.unwrap().unwrap(), messages[..1]);
    assert_eq!(store.messages_of(user_id, id, 4, 9).await.unwrap().unwrap(), messages[1..]);
    assert_eq!(store.find(user_id, id).await.unwrap(), Some(conversation.conversation));
    let context = store.context(user_id, id).await.unwrap().unwrap();
    assert_eq!(context.context, conversation.context);
    let hits = store.search(user_id, &SearchQuery::parse("tide"), 9).await.unwrap();
    assert_eq!(hits.len(), 1, "what is not active is not found");
}

pub async fn what_is_added_twice_is_there_once_and_stays_as_it_is<S>(store: &S)
where
    S: Conversations + ConversationArchive,
{
    let (conversation, messages) = sample();
    let (user_id, id) = (conversation.user_id, id_of(&conversation));
    store.insert_with_messages(conversation.clone(), messages.clone()).await.unwrap();
    let append = Append { messages: vec![question("said since")], ..Append::default() };
    store.append(user_id, id, append, moment(9)).await.unwrap();

    assert!(!store.insert_with_messages(conversation, messages).await.unwrap());

    let stored = store.messages_of(user_id, id, 0, 9).await.unwrap().unwrap();
    assert_eq!(stored.len(), 3);
    assert_eq!(store.conversations_of(user_id, None, 9).await.unwrap().len(), 1);
}

pub async fn of_conversations_added_at_once_one_is_kept<S: ConversationArchive>(store: &S) {
    let (conversation, messages) = sample();
    let (user_id, id) = (conversation.user_id, id_of(&conversation));
    let add = || store.insert_with_messages(conversation.clone(), messages.clone());

    let (one, two, three) = tokio::join!(add(), add(), add());

    let added = [one, two, three].into_iter().filter(|one| *one.as_ref().unwrap());
    assert_eq!(added.count(), 1);
    assert_eq!(store.messages_of(user_id, id, 0, 9).await.unwrap().unwrap(), messages);
}

pub async fn conversations_are_read_page_by_page_oldest_first<S: ConversationArchive>(store: &S) {
    let user_id = UserId::generate();
    let mut added = Vec::new();
    for started in [3, 1, 2, 2] {
        let conversation = empty(user_id, started);
        added.push((moment(started), id_of(&conversation)));
        store.insert_with_messages(conversation, Vec::new()).await.unwrap();
    }
    added.sort();

    let mut read = Vec::new();
    let mut after = None;
    while let Some(stored) = store.conversations_of(user_id, after, 1).await.unwrap().pop() {
        let (at, id) = (stored.conversation.created_at, id_of(&stored));
        read.push((at, id));
        after = Some(Cursor { at, id });
    }

    assert_eq!(read, added);
}

pub async fn nobody_else_can_read_a_whole_conversation<S: ConversationArchive>(store: &S) {
    let (conversation, messages) = sample();
    let (stranger, id) = (UserId::generate(), id_of(&conversation));
    store.insert_with_messages(conversation, messages).await.unwrap();

    assert_eq!(store.conversation_of(stranger, id).await.unwrap(), None);
    assert_eq!(store.messages_of(stranger, id, 0, 9).await.unwrap(), None);
    assert_eq!(store.conversations_of(stranger, None, 9).await.unwrap(), []);
}

pub async fn an_id_that_is_somebody_elses_is_not_taken<S: ConversationArchive>(store: &S) {
    let (conversation, messages) = sample();
    let (user_id, id) = (conversation.user_id, id_of(&conversation));
    store.insert_with_messages(conversation.clone(), messages.clone()).await.unwrap();
    let thief = StoredConversation { user_id: UserId::generate(), ..conversation.clone() };

    assert!(!store.insert_with_messages(thief, Vec::new()).await.unwrap());

    assert_eq!(store.conversation_of(user_id, id).await.unwrap(), Some(conversation));
    assert_eq!(store.messages_of(user_id, id, 0, 9).await.unwrap().unwrap(), messages);
}

pub async fn a_conversation_that_was_deleted_can_be_added_again<S>(store: &S)
where
    S: Conversations + ConversationArchive,
{
    let (conversation, messages) = sample();
    let (user_id, id) = (conversation.user_id, id_of(&conversation));
    store.insert_with_messages(conversation.clone(), messages.clone()).await.unwrap();
    store.delete(user_id, id).await.unwrap();

    assert!(store.insert_with_messages(conversation, messages.clone()).await.unwrap());

    assert_eq!(store.messages_of(user_id, id, 0, 9).await.unwrap().unwrap(), messages);
}

pub async fn a_long_conversation_is_added_whole<S: ConversationArchive>(store: &S) {
    let user_id = UserId::generate();
    let mut conversation = empty(user_id, 0);
    let id = id_of(&conversation);
    let messages: Vec<StoredMessage> = (1..=1_200).map(|position| said(id, position)).collect();
    conversation.last_position = 1_200;
    conversation.conversation.message_count = 1_200;

    assert!(store.insert_with_messages(conversation, messages.clone()).await.unwrap());

    let read = store.messages_of(user_id, id, 0, 9_999).await.unwrap().unwrap();
    assert_eq!(read, messages);
}

pub async fn what_was_emptied_is_not_read<S>(store: &S)
where
    S: Conversations + ConversationArchive,
{
    let (conversation, messages) = sample();
    let (user_id, id) = (conversation.user_id, id_of(&conversation));
    store.insert_with_messages(conversation, messages).await.unwrap();

    store.reset(user_id, id, moment(9)).await.unwrap();

    assert_eq!(store.messages_of(user_id, id, 0, 9).await.unwrap().unwrap(), []);
    let emptied = store.conversation_of(user_id, id).await.unwrap().unwrap();
    assert_eq!((emptied.head, emptied.conversation.message_count), (None, 0));
}

fn empty(user_id: UserId, started: i64) -> StoredConversation {
    StoredConversation {
        user_id,
        conversation: Conversation {
            conversation_id: ConversationId::generate(),
            title: None,
            created_at: moment(started),
            updated_at: moment(started),
            message_count: 0,
            total_tokens: 0,
            archived: false,
        },
        head: None,
        last_position: 0,
        context: webchat_domain::Context::default(),
    }
}

fn said(conversation_id: ConversationId, position: u64) -> StoredMessage {
    let said = question(&format!("number {position}"));
    StoredMessage {
        message: Message {
            message_id: MessageId::generate(),
            conversation_id,
            position,
            parent_id: None,
            turn_id: said.turn_id,
            role: said.role,
            content: said.content,
            token_count: said.token_count,
            status: said.status,
            error: None,
            created_at: said.created_at,
        },
        client_message_id: None,
        active: true,
    }
}
