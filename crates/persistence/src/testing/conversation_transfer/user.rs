//! Contract tests of [`ConversationTransfer`] for exports and imports by users.
#![expect(missing_docs, reason = "the test names describe the contract")]

use webchat_domain::{Conversation, ConversationId, Message, SearchQuery, UserId};

use crate::testing::fixtures::{id_of, moment, question, sample};
use crate::{
    Append, Contexts, ConversationTransfer, Conversations, Cursor, StoredConversation,
    StoredMessage,
};

pub async fn an_inserted_conversation_is_returned_unchanged<S>(store: &S)
where
    S: Conversations + Contexts + ConversationTransfer,
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
    assert_eq!(hits.len(), 1, "the search found a hidden message");
}

pub async fn a_second_insert_changes_nothing<S>(store: &S)
where
    S: Conversations + ConversationTransfer,
{
    let (conversation, messages) = sample();
    let (user_id, id) = (conversation.user_id, id_of(&conversation));
    store.insert_with_messages(conversation.clone(), messages.clone()).await.unwrap();
    let append = Append { messages: vec![question("appended later")], ..Append::default() };
    store.append(user_id, id, append, moment(9)).await.unwrap();

    assert!(!store.insert_with_messages(conversation, messages).await.unwrap());

    let stored = store.messages_of(user_id, id, 0, 9).await.unwrap().unwrap();
    assert_eq!(stored.len(), 3);
    assert_eq!(store.conversations_of(user_id, None, 9).await.unwrap().len(), 1);
}

pub async fn only_one_of_several_concurrent_inserts_is_stored<S: ConversationTransfer>(store: &S) {
    let (conversation, messages) = sample();
    let (user_id, id) = (conversation.user_id, id_of(&conversation));
    let insert = || store.insert_with_messages(conversation.clone(), messages.clone());

    let (one, two, three) = tokio::join!(insert(), insert(), insert());

    let inserted = [one, two, three].map(Result::unwrap);
    assert_eq!(inserted.into_iter().filter(|is_inserted| *is_inserted).count(), 1);
    assert_eq!(store.messages_of(user_id, id, 0, 9).await.unwrap().unwrap(), messages);
}

pub async fn added_messages_continue_the_visible_path_or_become_hidden_versions<S>(store: &S)
where
    S: Conversations + ConversationTransfer,
{
    let mut conversation = empty(UserId::generate(), 0);
    let (user_id, id) = (conversation.user_id, id_of(&conversation));
    let after = |position, parent: Option<&StoredMessage>| {
        let mut stored = numbered(id, position);
        stored.message.message_id = webchat_domain::MessageId::generate();
        stored.message.parent_id = parent.map(|parent| parent.message.message_id);
        stored
    };
    let first = after(1, None);
    conversation.last_position = 1;
    conversation.head = Some(first.message.message_id);
    conversation.conversation.message_count = 1;
    store.insert_with_messages(conversation, vec![first.clone()]).await.unwrap();
    let second = after(0, Some(&first));
    let third = after(0, Some(&second));
    let other_version = after(0, Some(&first));
    let new = vec![first.clone(), second.clone(), other_version.clone(), third.clone()];

    let added = store.add_messages(user_id, id, new.clone()).await.unwrap();
    let again = store.add_messages(user_id, id, new.clone()).await.unwrap();
    let by_stranger = store.add_messages(UserId::generate(), id, new).await.unwrap();

    assert_eq!((added, again, by_stranger), (3, 0, 0));
    let stored = store.messages_of(user_id, id, 0, 9).await.unwrap().unwrap();
    let ids = [&first, &second, &other_version, &third].map(|stored| stored.message.message_id);
    assert_eq!(stored.iter().map(|stored| stored.message.message_id).collect::<Vec<_>>(), ids);
    assert_eq!(
        stored.iter().map(|stored| stored.message.position).collect::<Vec<_>>(),
        [1, 2, 3, 4]
    );
    let active: Vec<bool> = stored.iter().map(|stored| stored.active).collect();
    assert_eq!(active, [true, true, false, true]);
    let found = store.conversation_of(user_id, id).await.unwrap().unwrap();
    assert_eq!((found.head, found.last_position), (Some(third.message.message_id), 4));
    assert_eq!(found.conversation.message_count, 3);
}

pub async fn a_users_conversations_are_read_page_by_page_oldest_first<S: ConversationTransfer>(
    store: &S,
) {
    let user_id = UserId::generate();
    let mut inserted = Vec::new();
    for created_at in [3, 1, 2, 2] {
        let conversation = empty(user_id, created_at);
        inserted.push((moment(created_at), id_of(&conversation)));
        store.insert_with_messages(conversation, Vec::new()).await.unwrap();
    }
    inserted.sort();

    let mut read = Vec::new();
    let mut after = None;
    while let Some(stored) = store.conversations_of(user_id, after, 1).await.unwrap().pop() {
        let (at, id) = (stored.conversation.created_at, id_of(&stored));
        read.push((at, id));
        after = Some(Cursor { at, id });
    }

    assert_eq!(read, inserted);
}

pub async fn another_user_cannot_read_a_conversation<S: ConversationTransfer>(store: &S) {
    let (conversation, messages) = sample();
    let (stranger, id) = (UserId::generate(), id_of(&conversation));
    store.insert_with_messages(conversation, messages).await.unwrap();

    assert_eq!(store.conversation_of(stranger, id).await.unwrap(), None);
    assert_eq!(store.messages_of(stranger, id, 0, 9).await.unwrap(), None);
    assert_eq!(store.conversations_of(stranger, None, 9).await.unwrap(), []);
}

pub async fn an_insert_does_not_take_the_id_of_another_user<S: ConversationTransfer>(store: &S) {
    let (conversation, messages) = sample();
    let (user_id, id) = (conversation.user_id, id_of(&conversation));
    store.insert_with_messages(conversation.clone(), messages.clone()).await.unwrap();
    let other_users = StoredConversation { user_id: UserId::generate(), ..conversation.clone() };

    assert!(!store.insert_with_messages(other_users, Vec::new()).await.unwrap());

    assert_eq!(store.conversation_of(user_id, id).await.unwrap(), Some(conversation));
    assert_eq!(store.messages_of(user_id, id, 0, 9).await.unwrap().unwrap(), messages);
}

pub async fn a_deleted_conversation_can_be_inserted_again<S>(store: &S)
where
    S: Conversations + ConversationTransfer,
{
    let (conversation, messages) = sample();
    let (user_id, id) = (conversation.user_id, id_of(&conversation));
    store.insert_with_messages(conversation.clone(), messages.clone()).await.unwrap();
    store.delete(user_id, id).await.unwrap();

    assert!(store.insert_with_messages(conversation, messages.clone()).await.unwrap());

    assert_eq!(store.messages_of(user_id, id, 0, 9).await.unwrap().unwrap(), messages);
}

pub async fn a_long_conversation_is_inserted_completely<S: ConversationTransfer>(store: &S) {
    let user_id = UserId::generate();
    let mut conversation = empty(user_id, 0);
    let id = id_of(&conversation);
    let messages: Vec<StoredMessage> = (1..=1_200).map(|position| numbered(id, position)).collect();
    conversation.last_position = 1_200;
    conversation.conversation.message_count = 1_200;

    assert!(store.insert_with_messages(conversation, messages.clone()).await.unwrap());

    let read = store.messages_of(user_id, id, 0, 9_999).await.unwrap().unwrap();
    assert_eq!(read, messages);
}

pub async fn messages_removed_by_a_reset_are_not_read<S>(store: &S)
where
    S: Conversations + ConversationTransfer,
{
    let (conversation, messages) = sample();
    let (user_id, id) = (conversation.user_id, id_of(&conversation));
    store.insert_with_messages(conversation, messages).await.unwrap();

    store.reset(user_id, id, moment(9)).await.unwrap();

    assert_eq!(store.messages_of(user_id, id, 0, 9).await.unwrap().unwrap(), []);
    let found = store.conversation_of(user_id, id).await.unwrap().unwrap();
    assert_eq!((found.head, found.conversation.message_count), (None, 0));
}

pub(super) fn empty(user_id: UserId, created: i64) -> StoredConversation {
    StoredConversation {
        user_id,
        conversation: Conversation {
            created_at: moment(created),
            updated_at: moment(created),
            ..Conversation::fixture()
        },
        head: None,
        last_position: 0,
        context: webchat_domain::Context::default(),
    }
}

pub(super) fn numbered(conversation_id: ConversationId, position: u64) -> StoredMessage {
    let content = format!("number {position}");
    let message = Message { conversation_id, position, content, ..Message::fixture() };
    StoredMessage { message, client_message_id: None, active: true }
}
