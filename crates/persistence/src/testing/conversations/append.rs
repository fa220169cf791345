//! Contract tests of appending messages.
#![expect(missing_docs, reason = "the test names describe the contract")]

use futures_util::future::join_all;
use webchat_domain::{NewMessage, TurnId, UserId};

use super::harness::{
    Store, append, append_number, append_text, archiving, create_conversation, edit,
    single_message, texts, title, turn_append, with_client_message_id,
};
use crate::testing::fixtures::{contents, moment, question, unwrap_stored};
use crate::{Append, AppendOutcome};

pub async fn messages_are_returned_in_the_order_of_their_appends(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;

    append_text(store, user_id, id, "first").await;
    let two = Append { messages: vec![question("second"), question("third")], ..Append::default() };
    append(store, user_id, id, two).await;

    let messages = store.messages(user_id, id, None, 10).await.unwrap().unwrap();
    assert_eq!(contents(&messages), ["first", "second", "third"]);
    assert_eq!(messages.iter().map(|m| m.position).collect::<Vec<_>>(), [1, 2, 3]);
    let parents: Vec<_> = messages.iter().map(|m| m.parent_id).collect();
    assert_eq!(parents, [None, Some(messages[0].message_id), Some(messages[1].message_id)]);
    let conversation = store.find(user_id, id).await.unwrap().unwrap();
    assert_eq!((conversation.message_count, conversation.total_tokens), (3, 21));
}

pub async fn fifty_concurrent_appends_get_fifty_positions(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;

    join_all((0..50).map(|number| append_number(store, user_id, id, number))).await;

    let messages = store.messages(user_id, id, None, 100).await.unwrap().unwrap();
    let positions: Vec<_> = messages.iter().map(|m| m.position).collect();
    assert_eq!(positions, (1..=50).collect::<Vec<_>>());
    let mut numbers: Vec<u64> = messages.iter().map(|m| m.content.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..50).collect::<Vec<_>>());
    for pair in messages.windows(2) {
        assert_eq!(pair[1].parent_id, Some(pair[0].message_id));
    }
    assert_eq!(store.find(user_id, id).await.unwrap().unwrap().message_count, 50);
}

pub async fn an_append_stores_all_of_its_messages_or_none(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    let known = question("known");
    let again = NewMessage { content: "again".to_owned(), ..known.clone() };
    append(store, user_id, id, Append { messages: vec![known], ..Append::default() }).await;

    let invalid = Append { messages: vec![question("new"), again], ..Append::default() };
    let result = store.append(user_id, id, invalid, moment(1)).await;

    assert!(result.is_err(), "a message id in use was accepted: {result:?}");
    assert_eq!(texts(store, user_id, id).await, ["known"]);
    assert_eq!(store.find(user_id, id).await.unwrap().unwrap().message_count, 1);
    append_text(store, user_id, id, "next").await;
    assert_eq!(texts(store, user_id, id).await, ["known", "next"]);
}

pub async fn an_append_returns_the_stored_conversation_and_messages(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    edit(store, user_id, id, archiving(true)).await;
    let titled = |text, append| Append { title: Some(title(text)), ..append };

    for append in [
        single_message("untitled"),
        titled("$title", with_client_message_id("titled", "c1")),
        titled("other", turn_append(TurnId::generate(), "turn")),
        single_message("during the turn"),
    ] {
        let appended = store.append(user_id, id, append, moment(2)).await.unwrap();
        let (conversation, messages) = unwrap_stored(appended);

        let count = u32::try_from(messages.len()).unwrap();
        assert_eq!(store.find(user_id, id).await.unwrap(), Some(conversation));
        assert_eq!(store.messages(user_id, id, None, count).await.unwrap(), Some(messages));
    }

    let conversation = store.find(user_id, id).await.unwrap().unwrap();
    assert_eq!((conversation.title, conversation.archived), (Some(title("$title")), false));
    assert_eq!((conversation.message_count, conversation.total_tokens), (6, 4 * 7));
}

pub async fn a_duplicate_client_message_id_returns_the_first_result(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    let first =
        unwrap_stored(append(store, user_id, id, with_client_message_id("hello", "c1")).await).1;

    let again = append(store, user_id, id, with_client_message_id("hello", "c1")).await;
    append(store, user_id, id, with_client_message_id("hello", "c2")).await;
    let other_id = create_conversation(store, user_id).await;
    append(store, user_id, other_id, with_client_message_id("hello", "c1")).await;

    assert_eq!(again, AppendOutcome::Duplicate(first), "expected the question and its answer");
    assert_eq!(texts(store, user_id, id).await, ["hello", "", "hello", ""]);
    assert_eq!(texts(store, user_id, other_id).await, ["hello", ""]);
}

pub async fn concurrent_appends_with_the_same_client_message_id_are_stored_once(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;

    let outcomes = join_all(
        (0..10).map(|_| append(store, user_id, id, with_client_message_id("hello", "c1"))),
    )
    .await;

    let stored = outcomes.iter().filter(|outcome| matches!(outcome, AppendOutcome::Stored { .. }));
    let duplicates =
        outcomes.iter().filter(|outcome| matches!(outcome, AppendOutcome::Duplicate(_)));
    assert_eq!((stored.count(), duplicates.count()), (1, 9));
    assert_eq!(texts(store, user_id, id).await, ["hello", ""]);
}

pub async fn a_conflicting_append_stores_nothing(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    let expecting =
        |position| Append { expected_position: Some(position), ..single_message("next") };

    append(store, user_id, id, expecting(0)).await;
    let conflict = append(store, user_id, id, expecting(0)).await;
    append(store, user_id, id, expecting(1)).await;

    assert_eq!(conflict, AppendOutcome::Conflict { position: 1 });
    assert_eq!(texts(store, user_id, id).await.len(), 2);
}

pub async fn starting_a_turn_unarchives_its_conversation(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    edit(store, user_id, id, archiving(true)).await;

    let appended = unwrap_stored(append(store, user_id, id, single_message("appended")).await).0;
    let turn_started =
        unwrap_stored(append(store, user_id, id, turn_append(TurnId::generate(), "why?")).await).0;

    assert_eq!((appended.archived, turn_started.archived), (true, false));
    assert!(!store.find(user_id, id).await.unwrap().unwrap().archived);
}
