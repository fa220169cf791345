//! Runs the contract suites against Redis.

use webchat_persistence_redis::{RedisSignals, RedisStore, RedisTurnLog};

use crate::redis_server;

async fn open() -> (RedisStore, ()) {
    (redis_server::open_shared().await.0, ())
}

async fn open_log() -> (RedisTurnLog, ()) {
    (open().await.0.turn_log(), ())
}

async fn open_signals() -> (RedisSignals, ()) {
    (open().await.0.signals(), ())
}

webchat_persistence::sessions_contract!(super::open);
webchat_persistence::turn_log_contract!(super::open_log);
webchat_persistence::signals_contract!(super::open_signals);
