//! The number of sessions per second that are saved and found.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use webchat_domain::{Clock, Session, SessionId, SystemClock, UserId};
use webchat_persistence::Sessions;
use webchat_persistence_redis::RedisStore;
use webchat_persistence_sqlite::SqliteStore;

use crate::support::report::{Bench, Row};
use crate::support::stores::required;

/// The lifetime of the sessions.
const TTL: Duration = Duration::from_mins(1);

pub(crate) async fn measure(bench: Bench) {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = SqliteStore::open(&folder.path().join("webchat.db")).await.unwrap();
    let redis = RedisStore::open(&required("TEST_REDIS_URL"), TTL).await.unwrap();
    let stores: [(&str, Arc<dyn Sessions>); 2] =
        [("SQLite", Arc::new(sqlite)), ("Redis", Arc::new(redis.with_prefix("webchat-bench:")))];
    let duration = Duration::from_millis(bench.size(5_000, 500));
    for (name, sessions) in stores {
        for concurrency in [1, 50] {
            let rate = rate(&sessions, concurrency, duration).await;
            let case = format!("{name}, {concurrency} at a time");
            bench.add(Row::of(case).figure("rate", rate, "/s").note("saved and found"));
        }
    }
}

async fn rate(sessions: &Arc<dyn Sessions>, concurrency: u32, duration: Duration) -> f64 {
    let started = Instant::now();
    let mut browsers = JoinSet::new();
    for _ in 0..concurrency {
        browsers.spawn(save_and_find(Arc::clone(sessions), started + duration));
    }
    let done: u32 = browsers.join_all().await.into_iter().sum();
    f64::from(done) / started.elapsed().as_secs_f64()
}

async fn save_and_find(sessions: Arc<dyn Sessions>, until: Instant) -> u32 {
    let mut done = 0;
    while Instant::now() < until {
        let session = Session {
            session_id: SessionId::generate(),
            user_id: UserId::generate(),
            conversation_id: None,
        };
        let now = SystemClock.now();
        sessions.save(&session, now, now.plus(TTL)).await.unwrap();
        let found = sessions.find(session.session_id, now).await.unwrap();
        assert_eq!(found, Some(session));
        done += 1;
    }
    done
}
