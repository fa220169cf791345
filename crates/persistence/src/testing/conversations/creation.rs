//! Contract tests of creating, listing and isolating conversations.
#![expect(missing_docs, reason = "the test names describe the contract")]

use futures_util::future::join_all;
use webchat_domain::{ConversationId, UserId};

use super::harness::{
    Store, all_pages, append, append_text, archiving, create_conversation, edit, renaming, search,
    single_message, texts,
};
use crate::testing::fixtures::{moment, unwrap_stored};
use crate::{AppendOutcome, ArchiveFilter, EditOutcome, ListOrder};

pub async fn a_new_conversation_is_empty_and_visible_to_its_user_only(store: &Store) {
    let user_id = UserId::generate();

    let id = create_conversation(store, user_id).await;

    let found = store.find(user_id, id).await.unwrap().unwrap();
    assert_eq!((found.message_count, found.total_tokens, &found.title), (0, 0, &None));
    assert_eq!((found.created_at, found.updated_at), (moment(0), moment(0)));
    assert_eq!(texts(store, user_id, id).await, Vec::<String>::new());
    assert_eq!(store.find(UserId::generate(), id).await.unwrap(), None);
}

pub async fn an_id_is_used_for_only_one_conversation(store: &Store) {
    let (user_id, id) = (UserId::generate(), ConversationId::generate());

    let concurrent = (0..10).map(|_| store.create(user_id, id, moment(0)));
    let created = join_all(concurrent).await.into_iter().filter_map(Result::unwrap).count();
    append_text(store, user_id, id, "first").await;
    let again = store.create(user_id, id, moment(1)).await.unwrap();
    let by_other_user = store.create(UserId::generate(), id, moment(1)).await.unwrap();

    assert_eq!((created, again, by_other_user), (1, None, None));
    assert_eq!(texts(store, user_id, id).await, ["first"]);
}

pub async fn another_user_can_neither_read_nor_change_a_conversation(store: &Store) {
    let (user_id, other) = (UserId::generate(), UserId::generate());
    let id = create_conversation(store, user_id).await;
    append_text(store, user_id, id, "my secret").await;

    assert_eq!(store.find(other, id).await.unwrap(), None);
    assert_eq!(store.messages(other, id, None, 10).await.unwrap(), None);
    let stolen = store.edit(other, id, renaming("mine now")).await.unwrap();
    assert_eq!(stolen, EditOutcome::NotFound);
    assert!(!store.delete(other, id).await.unwrap());
    assert!(!store.reset(other, id, moment(1)).await.unwrap());
    assert_eq!(append(store, other, id, single_message("intruder")).await, AppendOutcome::NotFound);
    assert_eq!(search(store, other, "secret").await, Vec::<String>::new());
    let listed = store.list(other, ArchiveFilter::All, ListOrder::Created, None, 10).await.unwrap();
    assert_eq!(listed.items, Vec::new());
    assert_eq!(texts(store, user_id, id).await, ["my secret"]);
}

pub async fn conversations_are_paged_by_cursor_in_both_orders(store: &Store) {
    let user_id = UserId::generate();
    let mut ids = Vec::new();
    for number in 0..5 {
        let id = ConversationId::generate();
        // Some conversations have the same time: the cursor must distinguish them.
        store.create(user_id, id, moment(number / 2)).await.unwrap();
        append_at(store, user_id, id, number / 2).await;
        ids.push(id);
    }
    append_at(store, user_id, ids[0], 99).await;

    let created = all_pages(store, user_id, ArchiveFilter::All, ListOrder::Created).await;
    let updated = all_pages(store, user_id, ArchiveFilter::Active, ListOrder::Updated).await;

    ids.reverse();
    assert_eq!(created, ids);
    ids.rotate_right(1);
    assert_eq!(updated, ids);
}

pub async fn lists_contain_active_archived_or_all_conversations(store: &Store) {
    let user_id = UserId::generate();
    let (active, archived_id, unarchived_id) = (
        create_conversation(store, user_id).await,
        create_conversation(store, user_id).await,
        create_conversation(store, user_id).await,
    );
    for id in [active, archived_id, unarchived_id] {
        append_text(store, user_id, id, "tides").await;
    }
    let archived = edit(store, user_id, archived_id, archiving(true)).await;
    edit(store, user_id, unarchived_id, archiving(true)).await;
    let unarchived = edit(store, user_id, unarchived_id, archiving(false)).await;
    append_at(store, user_id, active, 11).await;

    let listed = async |filter| all_pages(store, user_id, filter, ListOrder::Updated).await;
    assert_eq!(listed(ArchiveFilter::Archived).await, [archived_id]);
    assert_eq!(listed(ArchiveFilter::Active).await, [active, unarchived_id]);
    assert_eq!(listed(ArchiveFilter::All).await.len(), 3);
    assert_eq!(store.count(user_id).await.unwrap(), 3);
    assert_eq!(store.count(UserId::generate()).await.unwrap(), 0);
    assert_eq!((archived.archived, archived.updated_at), (true, moment(0)));
    assert_eq!((unarchived.archived, unarchived.updated_at), (false, moment(0)));
    assert!(store.find(user_id, archived_id).await.unwrap().unwrap().archived);
}

pub async fn an_empty_conversation_is_listed_only_among_all(store: &Store) {
    let user_id = UserId::generate();
    let mut ids = Vec::new();
    for number in 0..12 {
        let id = ConversationId::generate();
        store.create(user_id, id, moment(number)).await.unwrap();
        ids.push(id);
    }
    let (renamed, with_message, archived) = (ids[1], ids[7], ids[9]);
    edit(store, user_id, renamed, renaming("Plans")).await;
    append_at(store, user_id, with_message, 7).await;
    edit(store, user_id, archived, archiving(true)).await;

    let listed = async |filter| all_pages(store, user_id, filter, ListOrder::Updated).await;
    assert_eq!(listed(ArchiveFilter::Active).await, [with_message, renamed]);
    assert_eq!(listed(ArchiveFilter::Archived).await, []);
    ids.reverse();
    assert_eq!(listed(ArchiveFilter::All).await, ids);
    assert!(store.find(user_id, archived).await.unwrap().is_some());
}

async fn append_at(store: &Store, user_id: UserId, id: ConversationId, millis: i64) {
    let appended = store.append(user_id, id, single_message("tides"), moment(millis)).await;
    unwrap_stored(appended.unwrap());
}
