//! Opening, listing and searching large stores.

use std::time::Instant;

use webchat_domain::{ConversationId, SearchQuery, UserId};
use webchat_persistence::{ArchiveFilter, ListOrder};

use crate::support::prose::Prose;
use crate::support::report::{Bench, Row};
use crate::support::samples::Samples;
use crate::support::stores::{Backend, Store, load_conversation, load_conversations};

/// The page size.
const PAGE: u32 = 50;

/// Chooses a search word.
type Choice = fn(&mut Prose) -> String;

/// How many conversations and messages a store is filled with.
#[derive(Clone, Copy)]
struct Sizes {
    /// The messages of one conversation.
    messages: u32,
    /// The conversations of one user.
    conversations: u32,
    /// The number of other users, and the conversations of each.
    others: u32,
    each: u32,
}

/// The users of a filled store.
struct Filled {
    writer: UserId,
    long: ConversationId,
    collector: UserId,
    others: Vec<UserId>,
}

pub(crate) async fn measure(bench: Bench) {
    // A hundred others are enough: the one user's conversations make the store large for them too.
    let full = Sizes { messages: 100_000, conversations: 100_000, others: 100, each: 100 };
    let quick = Sizes { messages: 1_000, conversations: 1_000, others: 10, each: 100 };
    let sizes = bench.size(full, quick);
    for backend in [Backend::sqlite().await, Backend::mongo().await] {
        let started = Instant::now();
        let filled = fill(backend.store.as_ref(), sizes, &mut Prose::new()).await;
        backend.settle().await;
        bench.add(Row::of(format!("{}, filled with all of these", backend.name)).figure(
            "took",
            started.elapsed().as_secs_f64(),
            "s",
        ));
        measure_pages(&bench, &backend, sizes, &filled).await;
        measure_search(&bench, &backend, sizes, &filled).await;
        backend.remove().await;
    }
}

async fn fill(store: &dyn Store, sizes: Sizes, prose: &mut Prose) -> Filled {
    let (writer, collector) = (UserId::generate(), UserId::generate());
    let others: Vec<_> = (0..sizes.others).map(|_| UserId::generate()).collect();
    let long = load_conversation(store, writer, sizes.messages, prose).await;
    load_conversations(store, collector, sizes.conversations, prose).await;
    for &other in &others {
        load_conversations(store, other, sizes.each, prose).await;
    }
    Filled { writer, long, collector, others }
}

async fn measure_pages(bench: &Bench, backend: &Backend, sizes: Sizes, filled: &Filled) {
    let Backend { name, store, .. } = backend;
    let calls = bench.size(200, 20);
    let opening = Samples::take(calls, async || {
        let page = store.messages(filled.writer, filled.long, None, PAGE).await.unwrap().unwrap();
        assert_eq!(page.len(), 50);
    });
    let case = format!("{name}, newest page of {} messages", sizes.messages);
    bench.add(Row::of(case).times(&opening.await));

    let listing = Samples::take(calls, async || {
        let page = store
            .list(filled.collector, ArchiveFilter::Active, ListOrder::Updated, None, PAGE)
            .await
            .unwrap();
        assert_eq!(page.items.len(), 50);
    });
    let case = format!("{name}, newest page of {} conversations", sizes.conversations);
    bench.add(Row::of(case).times(&listing.await));
}

async fn measure_search(bench: &Bench, backend: &Backend, sizes: Sizes, filled: &Filled) {
    let Sizes { conversations, others, each, .. } = sizes;
    let one = format!("one user's {conversations} conversations");
    let many = format!("{others} other users' {each} each");
    let words: [(&str, Choice); 2] =
        [("a word", Prose::word), ("a frequent word", Prose::frequent_word)];
    for (what, word) in words {
        for (who, searchers) in [(&one, &[filled.collector][..]), (&many, &filled.others)] {
            let case = format!("{}, {what} in {who}", backend.name);
            bench.add(search(bench, backend.store.as_ref(), searchers, word, case).await);
        }
    }
}

async fn search(
    bench: &Bench,
    store: &dyn Store,
    searchers: &[UserId],
    word: Choice,
    case: String,
) -> Row {
    let mut prose = Prose::new();
    let mut found = 0_usize;
    let searching = Samples::take(bench.size(200, 20), async || {
        let searcher = searchers[prose.choice(searchers.len())];
        let query = SearchQuery::parse(&word(&mut prose));
        found += store.search(searcher, &query, PAGE).await.unwrap().len();
    });
    let samples = searching.await;
    assert!(found > 0, "nothing was found");
    Row::of(case).times(&samples)
}
