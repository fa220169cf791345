//! Tests of the number of keys and documents that a query reads.

use mongodb::bson::{Document, doc};
use webchat_domain::{ConversationId, SearchQuery, TurnId, UserId};
use webchat_persistence::testing::{moment, question};
use webchat_persistence::{
    Append, ArchiveFilter, ClaimScope, Contexts, ConversationTransfer, Conversations, FileJobs,
    ListOrder, TurnLease,
};
use webchat_persistence_mongo::MongoStore;

use crate::support::TestDatabase;

async fn create(store: &MongoStore, user_id: UserId, created_at: i64) -> ConversationId {
    let id = ConversationId::generate();
    store.create(user_id, id, moment(created_at)).await.unwrap();
    id
}

async fn create_with_messages(
    store: &MongoStore,
    user_id: UserId,
    texts: &[&str],
) -> ConversationId {
    let id = create(store, user_id, 0).await;
    let messages = texts.iter().map(|text| question(text)).collect();
    let append = Append { messages, ..Append::default() };
    store.append(user_id, id, append, moment(0)).await.unwrap();
    id
}

/// Returns the server's profile of a command that `work` sends.
async fn profiled(database: &TestDatabase, command: Document, work: impl AsyncFnOnce()) -> Profile {
    let raw = database.raw().await;
    raw.run_command(doc! { "profile": 2 }).await.unwrap();
    work().await;
    raw.run_command(doc! { "profile": 0 }).await.unwrap();
    let profile = raw.collection::<Document>("system.profile");
    let entry = profile.find_one(command).sort(doc! { "ts": -1 }).await.unwrap().unwrap();
    Profile(entry)
}

struct Profile(Document);

impl Profile {
    fn assert_reads_at_most(&self, keys_and_documents: i32, index: &str) {
        let Self(entry) = self;
        let plan = entry.get_str("planSummary").unwrap();
        assert!(plan.contains(index), "{plan}");
        assert!(entry.get_i32("keysExamined").unwrap() <= keys_and_documents, "{entry}");
        assert!(entry.get_i32("docsExamined").unwrap() <= keys_and_documents, "{entry}");
    }
}

#[tokio::test]
async fn a_search_reads_the_index_entries_of_one_user() {
    let database = TestDatabase::new();
    let (store, user_id, other) = (database.store().await, UserId::generate(), UserId::generate());
    create_with_messages(&store, user_id, &["the tide, by e-mail", "the moon", "tides: 公园散步"])
        .await;
    create_with_messages(&store, other, &["a tide of somebody else, by e-mail: 公园散步"; 400])
        .await;

    // A word, the beginning of a word, a sequence with another spelling, and a sequence of characters.
    for (query, hits) in [("tide", 2), ("ti", 2), ("e-mail", 1), ("公园散步", 1), ("tide moo", 0)]
    {
        let finds_ids = doc! { "command.pipeline.1.$project": { "_id": 1 } };
        let profile = profiled(&database, finds_ids, async || {
            let found = store.search(user_id, &SearchQuery::parse(query), 10).await.unwrap();
            assert_eq!(found.len(), hits, "{query}");
        })
        .await;

        profile.assert_reads_at_most(8, "IXSCAN { user_id: 1, search_terms");
    }
}

#[tokio::test]
async fn a_page_of_conversations_reads_only_the_returned_ones() {
    let database = TestDatabase::new();
    let (store, user_id) = (database.store().await, UserId::generate());
    for number in 0..40 {
        for user_id in [user_id, UserId::generate()] {
            let id = create(&store, user_id, number).await;
            let append = Append { messages: vec![question("tides")], ..Append::default() };
            store.append(user_id, id, append, moment(number)).await.unwrap();
        }
    }

    let lists =
        [(ArchiveFilter::All, ListOrder::Created), (ArchiveFilter::Active, ListOrder::Updated)];
    for (filter, order) in lists {
        let first = store.list(user_id, filter, order, None, 10).await.unwrap();
        let profile = profiled(&database, doc! { "command.find": "conversations" }, async || {
            let second = store.list(user_id, filter, order, first.next, 10).await.unwrap();
            assert_eq!(second.items.len(), 10);
        })
        .await;
        profile.assert_reads_at_most(13, "IXSCAN { user_id");
        assert!(!profile.0.contains_key("hasSortStage"), "{}", profile.0);
    }
}

#[tokio::test]
async fn a_page_of_messages_reads_only_the_returned_ones() {
    let database = TestDatabase::new();
    let (store, user_id) = (database.store().await, UserId::generate());
    let id = create_with_messages(&store, user_id, &["tide"; 100]).await;
    // Most of them are not on the visible path.
    let messages = database.raw().await.collection::<Document>("messages");
    let (visible, hidden) =
        (doc! { "position": { "$mod": [4, 1] } }, doc! { "$set": { "active": false } });
    messages.update_many(doc! { "$nor": [visible] }, hidden).await.unwrap();

    let profile = profiled(&database, doc! { "command.find": "messages" }, async || {
        let page = store.messages(user_id, id, Some(60), 10).await.unwrap().unwrap();
        assert_eq!(page.len(), 10);
    })
    .await;

    profile.assert_reads_at_most(11, "IXSCAN { conversation_id");
    assert!(!profile.0.contains_key("hasSortStage"), "{}", profile.0);
}

#[tokio::test]
async fn claiming_expired_turns_does_not_read_turns_with_a_valid_lease() {
    let database = TestDatabase::new();
    let (store, user_id) = (database.store().await, UserId::generate());
    for number in 0..40 {
        create(&store, user_id, number).await;
        let id = create(&store, user_id, number).await;
        let lease_until = moment(if number < 2 { 1 } else { 1_000 });
        let turn = Some(TurnLease { turn_id: TurnId::generate(), lease_until });
        let append = Append { messages: vec![question("why?")], turn, ..Append::default() };
        store.append(user_id, id, append, moment(0)).await.unwrap();
    }

    let claim = doc! { "command.findAndModify": "conversations" };
    let profile = profiled(&database, claim, async || {
        let (now, until) = (moment(2), moment(1_000));
        let claimed =
            store.claim_expired_turns(ClaimScope::ALL, now, moment(0), until, 3).await.unwrap();
        assert_eq!(claimed.len(), 2);
    })
    .await;

    profile.assert_reads_at_most(1, "IXSCAN { lease_until");
}

#[tokio::test]
async fn the_versions_of_a_page_are_read_without_other_messages() {
    let database = TestDatabase::new();
    let (store, user_id) = (database.store().await, UserId::generate());
    let id = create_with_messages(&store, user_id, &["tide"; 100]).await;
    let page = store.messages(user_id, id, None, 10).await.unwrap().unwrap();
    let version = Append {
        messages: vec![question("another")],
        version_of: Some(page[4].message_id),
        ..Append::default()
    };
    store.append(user_id, id, version, moment(0)).await.unwrap();
    let parents = page.iter().map(|message| message.parent_id).collect();

    let profile = profiled(&database, doc! { "command.find": "messages" }, async || {
        let versions = store.children(user_id, id, parents).await.unwrap();
        assert_eq!(versions.len(), 11);
    })
    .await;

    // The index is searched once for each parent.
    profile.assert_reads_at_most(2 * 11, "IXSCAN { conversation_id: 1, parent_id: 1");
}

#[tokio::test]
async fn every_read_has_a_time_limit() {
    let database = TestDatabase::new();
    let (store, user_id) = (database.store().await, UserId::generate());
    let id = create_with_messages(&store, user_id, &["the tide"; 3]).await;
    let message = store.messages(user_id, id, None, 1).await.unwrap().unwrap().remove(0);
    let query = SearchQuery::parse("tide");
    let raw = database.raw().await;
    raw.run_command(doc! { "profile": 2 }).await.unwrap();

    let list = store.list(user_id, ArchiveFilter::All, ListOrder::Created, None, 10).await;
    assert_eq!(list.unwrap().items.len(), 1);
    store.find(user_id, id).await.unwrap().unwrap();
    store.context(user_id, id).await.unwrap().unwrap();
    store.messages(user_id, id, None, 10).await.unwrap().unwrap();
    store.message(user_id, id, message.message_id).await.unwrap().unwrap();
    store.children(user_id, id, vec![None]).await.unwrap();
    store.search(user_id, &query, 10).await.unwrap();
    store.search_conversations(user_id, &query, 10).await.unwrap();
    store.list_jobs(user_id, id, 10).await.unwrap().unwrap();
    store.totals().await.unwrap();
    store.conversations_after(None, 10).await.unwrap();
    store.conversations_of(user_id, None, 10).await.unwrap();
    store.messages_of(user_id, id, 0, 10).await.unwrap().unwrap();
    raw.run_command(doc! { "profile": 0 }).await.unwrap();

    let reads = ["find", "aggregate", "count", "distinct"];
    let reads: Vec<_> =
        reads.map(|name| doc! { format!("command.{name}"): { "$exists": true } }).into();
    let profile = raw.collection::<Document>("system.profile");
    let all = profile.count_documents(doc! { "$or": &reads }).await.unwrap();
    let unlimited =
        profile.find_one(doc! { "$or": reads, "command.maxTimeMS": { "$exists": false } }).await;
    assert!(all > 12, "{all}");
    assert_eq!(unlimited.unwrap(), None);
}
