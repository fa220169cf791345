//! Appending a message to conversations of different lengths: with Webchat's stores, and as the Flask application
//! does.

use std::time::{Duration, Instant};

use webchat_domain::{Clock, ConversationId, NewMessage, SystemClock, UserId};
use webchat_persistence::{Append, AppendOutcome};

use crate::support::flask::Flask;
use crate::support::prose::Prose;
use crate::support::report::{BenchContext, Row};
use crate::support::samples::{Samples, WARM_UP};
use crate::support::stores::{Backend, MongoTestDatabase, Store, load_conversation};

const SIZES: [u32; 4] = [10, 1_000, 10_000, 100_000];

/// The Flask application's appends to a conversation are measured for at most this time.
const MAX_DURATION: Duration = Duration::from_secs(15);

pub(crate) async fn measure(bench: BenchContext) {
    let sizes = bench.full_or_quick(&SIZES[..], &SIZES[..2]);
    let appends = bench.full_or_quick(200, 20);
    // Measure Flask first: MongoDB is busy for a while after a large database has been dropped.
    measure_flask(&bench, sizes, appends).await;
    for backend in [Backend::sqlite().await, Backend::mongo().await] {
        measure_store(&bench, &backend, sizes, appends).await;
        backend.remove().await;
    }
}

/// Creates all conversations before the first measurement. Each round appends to each conversation, so that other
/// load on the machine affects all of them alike.
async fn measure_store(bench: &BenchContext, backend: &Backend, sizes: &[u32], appends: u32) {
    let store = backend.store.as_ref();
    let mut prose = Prose::new();
    let user_id = UserId::generate();
    let mut conversations = Vec::new();
    for &size in sizes {
        conversations.push(load_conversation(store, user_id, size, &mut prose).await);
    }
    backend.settle().await;
    let mut durations = vec![Vec::new(); sizes.len()];
    for round in 0..WARM_UP + appends {
        for (id, durations) in conversations.iter().zip(&mut durations) {
            let content = prose.text(500);
            let started = Instant::now();
            append(store, user_id, *id, content).await;
            if round >= WARM_UP {
                durations.push(started.elapsed());
            }
        }
    }
    let mut means = Vec::new();
    for (&size, durations) in sizes.iter().zip(durations) {
        let samples: Samples = durations.into_iter().collect();
        means.push((size, samples.mean_ms()));
        bench.add(row(backend.name, size, &samples));
    }
    bench.add(ratio(backend.name, &means));
}

async fn append(store: &dyn Store, user_id: UserId, id: ConversationId, content: String) {
    let now = SystemClock.now();
    let message =
        NewMessage { content, token_count: 100, created_at: now, ..NewMessage::fixture() };
    let append = Append { messages: vec![message], ..Append::default() };
    let outcome = store.append(user_id, id, append, now).await.unwrap();
    assert!(matches!(outcome, AppendOutcome::Stored { .. }), "{outcome:?}");
}

async fn measure_flask(bench: &BenchContext, sizes: &[u32], appends: u32) {
    let server = MongoTestDatabase::new().await;
    let flask = Flask::new(&server.database).await;
    let mut prose = Prose::new();
    let mut means = Vec::new();
    for (&size, id) in sizes.iter().zip(0..) {
        let texts: Vec<String> = (0..size).map(|_| prose.text(500)).collect();
        match flask.insert(id, texts).await {
            Ok(()) => {
                server.settle().await;
                // More appends would change the length of a short conversation too much.
                let appends = appends.min(size.max(20));
                let samples = append_repeatedly(&flask, id, appends, &mut prose).await;
                means.push((size, samples.mean_ms()));
                bench.add(row(Flask::NAME, size, &samples));
            }
            Err(error) => {
                bench
                    .add(Row::new(case(Flask::NAME, size)).note(format!("failed: {}", error.kind)));
            }
        }
    }
    bench.add(ratio(Flask::NAME, &means));
    server.remove().await;
}

async fn append_repeatedly(flask: &Flask, id: i64, appends: u32, prose: &mut Prose) -> Samples {
    flask.append(id, prose.text(500)).await;
    let started = Instant::now();
    let mut durations = Vec::new();
    for _ in 0..appends {
        let content = prose.text(500);
        let append_started = Instant::now();
        flask.append(id, content).await;
        durations.push(append_started.elapsed());
        if started.elapsed() > MAX_DURATION {
            break;
        }
    }
    durations.into_iter().collect()
}

fn row(name: &str, size: u32, samples: &Samples) -> Row {
    Row::new(case(name, size)).figure("mean", samples.mean_ms(), "ms").times(samples)
}

fn case(name: &str, size: u32) -> String {
    format!("{name}, {size} messages before")
}

/// The mean with the most messages divided by the mean with the fewest.
fn ratio(name: &str, means: &[(u32, f64)]) -> Row {
    let ((fewest, first), (most, last)) = (means[0], means[means.len() - 1]);
    Row::new(format!("{name}, {most} to {fewest} before")).figure("ratio", last / first, "")
}
