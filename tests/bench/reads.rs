//! Opening, listing and searching large stores.

use std::time::Instant;

use webchat_domain::{ConversationId, SearchQuery, UserId};
use webchat_persistence::{ArchiveFilter, ListOrder};

use crate::support::prose::Prose;
use crate::support::report::{BenchContext, Row};
use crate::support::samples::Samples;
use crate::support::stores::{Backend, Store, load_conversation, load_conversations};

const PAGE_SIZE: u32 = 50;

/// A function that chooses a search word.
type ChooseWord = fn(&mut Prose) -> String;

/// The content that a store is filled with.
#[derive(Clone, Copy)]
struct Sizes {
    /// The number of messages of the one long conversation.
    messages: u32,
    /// The number of conversations of the one user with many.
    conversations: u32,
    /// The number of other users.
    others: u32,
    /// The number of conversations of each of the others.
    conversations_of_others: u32,
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
    // A hundred others are enough, because the conversations of the one user with many make the store large.
    let full = Sizes {
        messages: 100_000,
        conversations: 100_000,
        others: 100,
        conversations_of_others: 100,
    };
    let quick =
        Sizes { messages: 1_000, conversations: 1_000, others: 10, conversations_of_others: 100 };
    let sizes = bench.size(full, quick);
    for backend in [Backend::sqlite().await, Backend::mongo().await] {
        let started = Instant::now();
        let content = fill(backend.store.as_ref(), sizes, &mut Prose::new()).await;
        backend.settle().await;
        bench.add(Row::of(format!("{}, filled with all of these", backend.name)).figure(
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
    let others: Vec<_> = (0..sizes.others).map(|_| UserId::generate()).collect();
    let long_conversation = load_conversation(store, writer, sizes.messages, prose).await;
    load_conversations(store, collector, sizes.conversations, prose).await;
    for &other in &others {
        load_conversations(store, other, sizes.conversations_of_others, prose).await;
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
    let calls = bench.size(200, 20);
    let opening = Samples::take(calls, async || {
        let page = store
            .messages(content.writer, content.long_conversation, None, PAGE_SIZE)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(page.len(), 50);
    });
    let case = format!("{name}, newest page of {} messages", sizes.messages);
    bench.add(Row::of(case).times(&opening.await));

    let listing = Samples::take(calls, async || {
        let page = store
            .list(content.collector, ArchiveFilter::Active, ListOrder::Updated, None, PAGE_SIZE)
            .await
            .unwrap();
        assert_eq!(page.items.len(), 50);
    });
    let case = format!("{name}, newest page of {} conversations", sizes.conversations);
    bench.add(Row::of(case).times(&listing.await));
}

async fn measure_search(
    bench: &BenchContext,
    backend: &Backend,
    sizes: Sizes,
    content: &StoreContent,
) {
    let Sizes { conversations, others, conversations_of_others, .. } = sizes;
    let one = format!("one user's {conversations} conversations");
    let many = format!("{others} other users' {conversations_of_others} each");
    let words: [(&str, ChooseWord); 2] =
        [("a word", Prose::word), ("a frequent word", Prose::frequent_word)];
    for (word, choose_word) in words {
        for (place, searchers) in [(&one, &[content.collector][..]), (&many, &content.others)] {
            let case = format!("{}, {word} in {place}", backend.name);
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
    let searching = Samples::take(bench.size(200, 20), async || {
        let searcher = searchers[prose.choice(searchers.len())];
        let query = SearchQuery::parse(&choose_word(&mut prose));
        results += store.search(searcher, &query, PAGE_SIZE).await.unwrap().len();
    });
    let samples = searching.await;
    assert!(results > 0, "nothing was found");
    Row::of(case).times(&samples)
}
