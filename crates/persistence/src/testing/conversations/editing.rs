//! Contract tests of editing, deleting and resetting conversations.
#![expect(missing_docs, reason = "the test names describe the contract")]

use webchat_domain::{ClientMessageId, TurnId, UserId};

use super::harness::{
    Store, append, append_text, archiving, create_conversation, edit, renaming, search,
    single_message, texts, title, turn_append,
};
use crate::testing::fixtures::{final_state, moment, question, unwrap_stored};
use crate::{Append, Edit, EditOutcome};

pub async fn an_append_sets_only_a_missing_title_and_an_edit_replaces_any_title(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    let titled = |text| Append { title: Some(title(text)), ..single_message("hello") };

    append(store, user_id, id, titled("Hello")).await;
    append(store, user_id, id, titled("Another")).await;
    let first = store.find(user_id, id).await.unwrap().unwrap();
    let renamed = edit(store, user_id, id, renaming("Mine")).await;

    assert_eq!(first.title, Some(title("Hello")));
    assert_eq!((renamed.title, renamed.updated_at), (Some(title("Mine")), moment(0)));
}

pub async fn a_title_is_replaced_only_if_it_is_the_expected_one(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    let untitled =
        store.replace_title_if(user_id, id, title("First"), Some(title("Wrong"))).await.unwrap();
    edit(store, user_id, id, renaming("First")).await;

    let other =
        store.replace_title_if(user_id, id, title("Else"), Some(title("Wrong"))).await.unwrap();
    let by_other_user =
        store.replace_title_if(UserId::generate(), id, title("First"), Some(title("Wrong"))).await;
    let replaced =
        store.replace_title_if(user_id, id, title("First"), Some(title("Second"))).await.unwrap();

    assert!(!untitled && !other && !by_other_user.unwrap());
    assert!(replaced);
    let found = store.find(user_id, id).await.unwrap().unwrap();
    assert_eq!((found.title, found.updated_at), (Some(title("Second")), moment(0)));
    assert!(store.replace_title_if(user_id, id, title("Second"), None).await.unwrap());
    assert_eq!(store.find(user_id, id).await.unwrap().unwrap().title, None);
}

pub async fn an_edit_based_on_an_outdated_state_is_a_conflict(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    let before = store.find(user_id, id).await.unwrap();
    let expecting = |expected| Edit { expected, ..renaming("Mine") };
    let try_edit = async |edit| store.edit(user_id, id, edit).await.unwrap();

    let first = try_edit(expecting(before.clone())).await;
    let again = try_edit(expecting(before.clone())).await;
    let EditOutcome::Stored(now) = first else { panic!("{first:?}") };
    let archived = edit(store, user_id, id, archiving(true)).await;
    let outdated = try_edit(expecting(Some(now.clone()))).await;
    let current = try_edit(expecting(Some(archived.clone()))).await;

    assert_eq!((&now.title, now.updated_at), (&Some(title("Mine")), moment(0)));
    assert_eq!((again, outdated), (EditOutcome::Conflict, EditOutcome::Conflict));
    assert_eq!(current, EditOutcome::Stored(archived));
    let by_other_user = store.edit(UserId::generate(), id, expecting(before)).await;
    assert_eq!(by_other_user.unwrap(), EditOutcome::NotFound);
}

pub async fn a_deleted_conversation_leaves_nothing_behind(store: &Store) {
    let user_id = UserId::generate();
    let (id, other) =
        (create_conversation(store, user_id).await, create_conversation(store, user_id).await);
    append_text(store, user_id, id, "tides").await;
    append_text(store, user_id, other, "moons").await;

    assert!(store.delete(user_id, id).await.unwrap());

    assert!(!store.delete(user_id, id).await.unwrap());
    assert_eq!(store.find(user_id, id).await.unwrap(), None);
    assert_eq!(store.messages(user_id, id, None, 10).await.unwrap(), None);
    assert_eq!(search(store, user_id, "tides").await, Vec::<String>::new());
    assert_eq!(texts(store, user_id, other).await, ["moons"]);
}

pub async fn a_reset_conversation_is_empty_and_its_positions_continue(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    let answer =
        unwrap_stored(append(store, user_id, id, turn_append(TurnId::generate(), "why?")).await)
            .1
            .remove(1);

    assert!(store.reset(user_id, id, moment(3)).await.unwrap());

    assert_eq!(texts(store, user_id, id).await, Vec::<String>::new());
    assert_eq!(search(store, user_id, "why").await, Vec::<String>::new());
    let conversation = store.find(user_id, id).await.unwrap().unwrap();
    assert_eq!((conversation.message_count, conversation.total_tokens), (0, 0));
    assert!(!store.save_answer(id, final_state(&answer, "late"), moment(4)).await.unwrap());
    let next =
        unwrap_stored(append(store, user_id, id, turn_append(TurnId::generate(), "again")).await)
            .1
            .remove(0);
    assert_eq!((next.position, next.parent_id), (3, None));
}

pub async fn a_client_message_id_can_be_used_again_after_a_reset(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    let append_with_id = |text: &str| Append {
        messages: vec![question(text)],
        client_message_id: ClientMessageId::try_from("c1".to_owned()).ok(),
        ..Append::default()
    };
    unwrap_stored(append(store, user_id, id, append_with_id("before")).await);

    store.reset(user_id, id, moment(3)).await.unwrap();
    unwrap_stored(append(store, user_id, id, append_with_id("after")).await);

    assert_eq!(texts(store, user_id, id).await, ["after"]);
}
