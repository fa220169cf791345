//! Opening, listing and searching large stores.

use std::time::Instant;

use webchat_domain::{ConversationId, SearchQuery, UserId};
use webchat_persistence::{ArchiveFilter, ListOrder};

use crate::support::prose::Prose;
use crate::support::report::{BenchContext, Row};
use crate::support::samples::Samples;
use crate::support::stores::{Backend, Store, load_conversation, load_conversations};

const PAGE_SIZE: u32 = 50;

/// A function that returns a random search word.
type ChooseWord = fn(&mut Prose) -> String;

/// The content that a store is filled with.
#[derive(Clone, Copy)]
struct Sizes {
    /// The number of messages of the long conversation.
    messages: u32,
    /// The number of conversations of the user with many.
    conversations: u32,
    /// The number of other users.
    other_users: u32,
    /// The number of conversations of each other user.
    conversations_per_other: u32,
}

/// The users of a filled store.
struct StoreContent {
    writer: UserId,
    /// The writer's only conversation.
    long_conversation: ConversationId,
    /// The user with many conversations.
    collector: UserId,
    others: Vec<UserId>,
}

pub(crate) async fn measure(bench: BenchContext) {
    // A hundred other users are enough, because the conversations of the user with many make the store large.
    let full = Sizes {
        messages: 100_000,
        conversations: 100_000,
        other_users: 100,
        conversations_per_other: 100,
    };
    let quick = Sizes {
        messages: 1_000,
        conversations: 1_000,
        other_users: 10,
        conversations_per_other: 100,
    };
    let sizes = bench.full_or_quick(full, quick);
    for backend in [Backend::sqlite().await, Backend::mongo().await] {
        let started = Instant::now();
        let content = fill(backend.store.as_ref(), sizes, &mut Prose::new()).await;
        backend.settle().await;
        bench.add(Row::new(format!("{}, filled with all of these", backend.name)).figure(
            "took",
            started.elapsed().as_secs_f64(),
            "s",
        ));
        measure_pages(&bench, &backend, sizes, &content).await;
        measure_search(&bench, &backend, sizes, &content).await;
        backend.remove().await;
    }
}

async fn fill(store: &dyn Store, sizes: Sizes, prose: &mut Prose) -> StoreContent {
    let (writer, collector) = (UserId::generate(), UserId::generate());
    let others: Vec<_> = (0..sizes.other_users).map(|_| UserId::generate()).collect();
    let long_conversation = load_conversation(store, writer, sizes.messages, prose).await;
    load_conversations(store, collector, sizes.conversations, prose).await;
    for &other in &others {
        load_conversations(store, other, sizes.conversations_per_other, prose).await;
    }
    StoreContent { writer, long_conversation, collector, others }
}

async fn measure_pages(
    bench: &BenchContext,
    backend: &Backend,
    sizes: Sizes,
    content: &StoreContent,
) {
    let Backend { name, store, .. } = backend;
    let calls = bench.full_or_quick(200, 20);
    let open_page = Samples::take(calls, async || {
        let page = store
            .messages(content.writer, content.long_conversation, None, PAGE_SIZE)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(page.len(), 50);
    });
    let case = format!("{name}, newest page of {} messages", sizes.messages);
    bench.add(Row::new(case).times(&open_page.await));

    let list_page = Samples::take(calls, async || {
        let page = store
            .list(content.collector, ArchiveFilter::Active, ListOrder::Updated, None, PAGE_SIZE)
            .await
            .unwrap();
        assert_eq!(page.items.len(), 50);
    });
    let case = format!("{name}, newest page of {} conversations", sizes.conversations);
    bench.add(Row::new(case).times(&list_page.await));
}

async fn measure_search(
    bench: &BenchContext,
    backend: &Backend,
    sizes: Sizes,
    content: &StoreContent,
) {
    let Sizes { conversations, other_users, conversations_per_other, .. } = sizes;
    let of_one_user = format!("one user's {conversations} conversations");
    let of_many_users = format!("{other_users} other users' {conversations_per_other} each");
    let words: [(&str, ChooseWord); 2] =
        [("a word", Prose::word), ("a frequent word", Prose::frequent_word)];
    for (word, choose_word) in words {
        for (scope, searchers) in
            [(&of_one_user, &[content.collector][..]), (&of_many_users, &content.others)]
        {
            let case = format!("{}, {word} in {scope}", backend.name);
            bench.add(search(bench, backend.store.as_ref(), searchers, choose_word, case).await);
        }
    }
}

async fn search(
    bench: &BenchContext,
    store: &dyn Store,
    searchers: &[UserId],
    choose_word: ChooseWord,
    case: String,
) -> Row {
    let mut prose = Prose::new();
    let mut results = 0_usize;
    let measurement = Samples::take(bench.full_or_quick(200, 20), async || {
        let searcher = searchers[prose.choice(searchers.len())];
        let query = SearchQuery::parse(&choose_word(&mut prose));
        results += store.search(searcher, &query, PAGE_SIZE).await.unwrap().len();
    });
    let samples = measurement.await;
    assert!(results > 0, "no search had results");
    Row::new(case).times(&samples)
}
