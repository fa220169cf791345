//! The number of sessions per second that a store can save and then find.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use webchat_domain::{Clock, Session, SessionId, SystemClock, UserId};
use webchat_persistence::Sessions;
use webchat_persistence_redis::RedisStore;
use webchat_persistence_sqlite::SqliteStore;

use crate::support::report::{BenchContext, Row};
use crate::support::stores::required_variable;

const SESSION_TTL: Duration = Duration::from_mins(1);

pub(crate) async fn measure(bench: BenchContext) {
    let dir = tempfile::tempdir().unwrap();
    let sqlite = SqliteStore::open(&dir.path().join("webchat.db")).await.unwrap();
    let redis = RedisStore::open(&required_variable("TEST_REDIS_URL"), SESSION_TTL).await.unwrap();
    let stores: [(&str, Arc<dyn Sessions>); 2] =
        [("SQLite", Arc::new(sqlite)), ("Redis", Arc::new(redis.with_prefix("webchat-bench:")))];
    let duration = Duration::from_millis(bench.full_or_quick(5_000, 500));
    for (name, sessions) in stores {
        for concurrency in [1, 50] {
            let rate = measure_rate(&sessions, concurrency, duration).await;
            let case = format!("{name}, {concurrency} at a time");
            bench.add(Row::new(case).figure("rate", rate, "/s").note("saved and found"));
        }
    }
}

async fn measure_rate(sessions: &Arc<dyn Sessions>, concurrency: u32, duration: Duration) -> f64 {
    let started = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..concurrency {
        workers.spawn(save_and_find(Arc::clone(sessions), started + duration));
    }
    let sessions: u32 = workers.join_all().await.into_iter().sum();
    f64::from(sessions) / started.elapsed().as_secs_f64()
}

/// Saves and finds sessions one at a time until the deadline. Returns their number.
async fn save_and_find(sessions: Arc<dyn Sessions>, deadline: Instant) -> u32 {
    let mut count = 0;
    while Instant::now() < deadline {
        let session = Session::anonymous(SessionId::generate(), UserId::generate());
        let now = SystemClock.now();
        sessions.save(&session, now, now.plus(SESSION_TTL)).await.unwrap();
        let stored = sessions.find(session.session_id, now).await.unwrap();
        assert_eq!(stored, Some(session));
        count += 1;
    }
    count
}
