//! Contract tests of selecting a version, and of reading the visible path.
#![expect(missing_docs, reason = "the test names describe the contract")]

use webchat_domain::{ConversationId, Message, MessageId, TurnId, UserId};

use super::harness::{
    LEASE_MILLIS, TestConversation, lease, question_version_of, version_of_message,
};
use crate::testing::fixtures::{
    contents, empty_answer, final_state, moment, question, unwrap_stored,
};
use crate::{
    AnswerUpdate, Append, AppendOutcome, ChildMessage, Contexts, Conversations, SelectOutcome,
};

pub async fn a_selected_version_is_visible_with_its_newest_descendants<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["q1", "a1"]).await;
    let [q1, a1] = chat.messages().await.try_into().unwrap();
    chat.append(version_of_message(&a1, "a1 again")).await;
    chat.append(Append { messages: vec![question("q2")], ..Append::default() }).await;
    chat.append(question_version_of(&q1, "q3")).await;

    let selected = chat.select(q1.message_id).await;
    let newest = (chat.texts().await, chat.conversation().await);
    let again = store.select(chat.user_id, chat.id, q1.message_id, moment(99)).await.unwrap();
    let unchanged = chat.conversation().await;
    chat.select(a1.message_id).await;
    let older = (chat.texts().await, chat.conversation().await);

    assert_eq!(selected, SelectOutcome::Visible { changed: true });
    assert_eq!(newest.0, ["q1", "a1 again", "q2"]);
    assert_eq!((newest.1.message_count, newest.1.total_tokens), (3, 3 * 7));
    assert_eq!(newest.1.updated_at, moment(0));
    assert_eq!(again, SelectOutcome::Visible { changed: false });
    assert_eq!(unchanged, newest.1);
    assert_eq!(older.0, ["q1", "a1"]);
    assert_eq!((older.1.message_count, older.1.total_tokens), (2, 2 * 7));
    let next = Append { messages: vec![question("next")], ..Append::default() };
    assert_eq!(unwrap_stored(chat.append(next).await).1[0].parent_id, Some(a1.message_id));
}

/// A store may change a long path in several steps.
pub async fn a_long_path_becomes_hidden_and_visible_again<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["q1", "a1"]).await;
    let [q1, a1] = chat.messages().await.try_into().unwrap();
    let questions = (0..1_498).map(|number| question(&format!("q{number}"))).collect();
    chat.append(Append { messages: questions, ..Append::default() }).await;
    let last = chat.messages().await.pop().unwrap();
    let before = chat.conversation().await;

    let stale = Append { expected_position: Some(7), ..question_version_of(&q1, "stale") };
    let stale = chat.append(stale).await;
    let after_stale = chat.conversation().await;
    let edit = Append { expected_position: Some(1_500), ..question_version_of(&q1, "q2") };
    let (edited, _) = unwrap_stored(chat.append(edit).await);
    let edited_texts = chat.texts().await;
    let selected = chat.select(a1.message_id).await;
    let selected_again = (chat.conversation().await, chat.messages().await.pop().unwrap());
    chat.append(version_of_message(&a1, "a2")).await;
    let shorter = (chat.texts().await, chat.conversation().await.message_count);
    let by_version = chat.append(version_of_message(&last, "the last")).await;

    assert_eq!(stale, AppendOutcome::Conflict { position: 1_500 });
    assert_eq!(after_stale, before);
    assert_eq!(edited_texts, ["q2", "a of q2"]);
    assert_eq!((edited.message_count, edited.total_tokens), (2, 2 * 7));
    assert_eq!(selected, SelectOutcome::Visible { changed: true });
    let (conversation, newest) = selected_again;
    assert_eq!((conversation.message_count, conversation.total_tokens), (1_500, 1_500 * 7));
    assert_eq!((conversation.updated_at, newest), (moment(0), last.clone()));
    assert_eq!(shorter, (vec!["q1".to_owned(), "a2".to_owned()], 2));
    let (conversation, messages) = unwrap_stored(by_version);
    assert_eq!((conversation.message_count, messages[0].parent_id), (1_500, last.parent_id));
    assert_eq!(chat.messages().await.len(), 100);
}

pub async fn versions_are_returned_oldest_first_to_their_user_only<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["q1", "a1"]).await;
    let [q1, a1] = chat.messages().await.try_into().unwrap();
    let other_answer = unwrap_stored(chat.append(version_of_message(&a1, "a2")).await).1.remove(0);
    let other_question =
        unwrap_stored(chat.append(question_version_of(&q1, "q2")).await).1.remove(0);
    let (first, of_q1) = (None, Some(q1.message_id));
    let child = |message: &Message| ChildMessage {
        message_id: message.message_id,
        parent_id: message.parent_id,
        role: message.role,
    };

    let both = store.children(chat.user_id, chat.id, vec![of_q1, first]).await.unwrap();
    let answers = store.children(chat.user_id, chat.id, vec![of_q1]).await.unwrap();
    let of_nothing = store.children(chat.user_id, chat.id, Vec::new()).await.unwrap();
    let of_other_user = store.children(UserId::generate(), chat.id, vec![first]).await.unwrap();

    assert_eq!(both, [&q1, &a1, &other_answer, &other_question].map(child));
    assert_eq!(answers, [&a1, &other_answer].map(child));
    assert_eq!((of_nothing, of_other_user), (Vec::new(), Vec::new()));
    let found = store.message(chat.user_id, chat.id, a1.message_id).await.unwrap();
    assert_eq!(found.as_ref(), Some(&a1), "the hidden message was not found");
    for (user_id, id) in [(UserId::generate(), chat.id), (chat.user_id, ConversationId::generate())]
    {
        assert_eq!(store.message(user_id, id, a1.message_id).await.unwrap(), None);
    }
}

pub async fn pages_and_searches_follow_the_visible_path<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["old tide", "a1", "q2", "a2"]).await;
    let old = chat.messages().await.remove(0);
    let new = unwrap_stored(chat.append(question_version_of(&old, "new tide")).await).1.remove(0);
    chat.append(Append { messages: vec![question("q3")], ..Append::default() }).await;

    let newest = store.messages(chat.user_id, chat.id, None, 2).await.unwrap().unwrap();
    let before = newest.first().map(|message| message.position);
    let oldest = store.messages(chat.user_id, chat.id, before, 2).await.unwrap().unwrap();
    let found = chat.find("tide").await;
    chat.select(old.message_id).await;
    let found_after_select = chat.find("tide").await;

    assert_eq!(contents(&newest), ["a of new tide", "q3"]);
    assert_eq!(contents(&oldest), ["new tide"]);
    assert!(found.contains(&new.message_id) && !found.contains(&old.message_id), "{found:?}");
    assert_eq!(found_after_select, [old.message_id]);
}

pub async fn nothing_is_selected_while_a_turn_runs<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["q1", "a1"]).await;
    let [_, a1] = chat.messages().await.try_into().unwrap();
    let turn = lease(TurnId::generate());
    let append = Append {
        messages: vec![empty_answer(turn.turn_id)],
        turn: Some(turn),
        ..version_of_message(&a1, "")
    };
    let answer = unwrap_stored(chat.append(append).await).1.remove(0);

    let during = chat.select(a1.message_id).await;
    let after_its_lease = moment(LEASE_MILLIS);
    let expired =
        store.select(chat.user_id, chat.id, a1.message_id, after_its_lease).await.unwrap();
    let late = AnswerUpdate { token_count: 50, ..final_state(&answer, "late") };
    store.save_answer(chat.id, late, after_its_lease).await.unwrap();

    assert_eq!(during, SelectOutcome::TurnInProgress);
    assert_eq!(expired, SelectOutcome::Visible { changed: true });
    assert_eq!(chat.texts().await, ["q1", "a1"]);
    let conversation = chat.conversation().await;
    assert_eq!((conversation.message_count, conversation.total_tokens), (2, 2 * 7));
    let (stranger, nothing) = (UserId::generate(), MessageId::generate());
    for (who, what) in [(stranger, answer.message_id), (chat.user_id, nothing)] {
        let selected = store.select(who, chat.id, what, after_its_lease).await.unwrap();
        assert_eq!(selected, SelectOutcome::NotFound);
    }
}
