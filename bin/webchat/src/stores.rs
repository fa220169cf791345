use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep};
use webchat_persistence::{
    Contexts, ConversationArchive, Conversations, FileJobs, Probe, Sessions, Signals, TurnLog,
};
use webchat_persistence_mongo::{FlaskMigration, MongoDatabase, MongoStore, Schema};
use webchat_persistence_redis::RedisStore;
use webchat_persistence_sqlite::{LocalSignals, SqliteStore};
use webchat_tokens::TokenCounter;

use crate::{StartError, StoreSettings};

/// How long a database that is not there yet is waited for at the start: it may be starting too.
const PATIENCE: Duration = Duration::from_secs(30);

const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Where everything is kept.
pub(crate) struct Stores {
    pub(crate) conversations: Arc<dyn Conversations>,
    pub(crate) contexts: Arc<dyn Contexts>,
    pub(crate) archive: Arc<dyn ConversationArchive>,
    pub(crate) file_jobs: Arc<dyn FileJobs>,
    pub(crate) sessions: Arc<dyn Sessions>,
    pub(crate) log: Arc<dyn TurnLog>,
    pub(crate) signals: Arc<dyn Signals>,
    pub(crate) probes: Vec<Arc<dyn Probe>>,
}

impl Stores {
    /// MongoDB and Redis where they are set, else the SQLite file.
    pub(crate) async fn open(settings: &StoreSettings) -> Result<Self, StartError> {
        let mongo = match &settings.mongodb_uri {
            Some(uri) => Some(migrated_mongo(uri, settings.migrate).await?),
            None => None,
        };
        let redis = match &settings.redis_url {
            Some(url) => Some(RedisStore::open(url.expose_secret(), PATIENCE).await?),
            None => None,
        };
        match (mongo, redis) {
            (Some(mongo), Some(redis)) => Ok(Self::on_both(mongo, redis)),
            (mongo, redis) => {
                let sqlite = open_sqlite(&settings.data_dir).await?;
                Ok(Self::beside_sqlite(sqlite, mongo, redis))
            }
        }
    }

    /// The way of several instances: nothing is kept here.
    fn on_both(mongo: MongoStore, redis: RedisStore) -> Self {
        Self {
            log: Arc::new(redis.turn_log()),
            signals: Arc::new(redis.signals()),
            probes: vec![Arc::new(mongo.clone()), Arc::new(redis.clone())],
            sessions: Arc::new(redis),
            contexts: Arc::new(mongo.clone()),
            archive: Arc::new(mongo.clone()),
            file_jobs: Arc::new(mongo.clone()),
            conversations: Arc::new(mongo),
        }
    }

    fn beside_sqlite(
        sqlite: SqliteStore,
        mongo: Option<MongoStore>,
        redis: Option<RedisStore>,
    ) -> Self {
        let mut stores = Self {
            log: Arc::new(sqlite.turn_log()),
            signals: Arc::new(LocalSignals::new()),
            probes: vec![Arc::new(sqlite.clone())],
            sessions: Arc::new(sqlite.clone()),
            contexts: Arc::new(sqlite.clone()),
            archive: Arc::new(sqlite.clone()),
            file_jobs: Arc::new(sqlite.clone()),
            conversations: Arc::new(sqlite),
        };
        if let Some(mongo) = mongo {
            tracing::info!("one instance alone: for several, set REDIS_URL too");
            stores.probes.push(Arc::new(mongo.clone()));
            stores.contexts = Arc::new(mongo.clone());
            stores.archive = Arc::new(mongo.clone());
            stores.file_jobs = Arc::new(mongo.clone());
            stores.conversations = Arc::new(mongo);
        }
        if let Some(redis) = redis {
            tracing::info!("one instance alone: for several, set MONGODB_URI too");
            stores.log = Arc::new(redis.turn_log());
            stores.signals = Arc::new(redis.signals());
            stores.probes.push(Arc::new(redis.clone()));
            stores.sessions = Arc::new(redis);
        }
        stores
    }
}

pub(crate) async fn open_sqlite(data_dir: &Path) -> Result<SqliteStore, StartError> {
    Ok(SqliteStore::open(&data_dir.join("webchat.db")).await?)
}

/// A database that holds no conversations of the Flask application any more.
async fn migrated_mongo(uri: &SecretString, migrate: bool) -> Result<MongoStore, StartError> {
    let database = connect(uri).await?;
    let migration = flask_migration(&database);
    let waiting = migration.pending().await?;
    if waiting > 0 && !migrate {
        return Err(StartError::Waiting { place: database.location(), waiting });
    }
    Schema::of(database.clone()).prepare().await?;
    if waiting > 0 {
        let report = migration.run(|progress| tracing::info!(?progress, "carrying over")).await?;
        tracing::info!(
            conversations = report.conversations,
            skipped = report.skipped,
            "the Flask application's conversations are carried over"
        );
    }
    Ok(MongoStore::new(database))
}

/// Nothing is loaded to count with before there is something to count: mostly nothing waits.
pub(crate) fn flask_migration(database: &MongoDatabase) -> FlaskMigration {
    FlaskMigration::new(database, Arc::new(|text| TokenCounter::load().count(text)))
}

/// A database whose collections and indexes are as they should be.
pub(crate) async fn prepared_mongo(uri: &SecretString) -> Result<MongoStore, StartError> {
    let database = connect(uri).await?;
    Schema::of(database.clone()).prepare().await?;
    Ok(MongoStore::new(database))
}

pub(crate) async fn connect(uri: &SecretString) -> Result<MongoDatabase, StartError> {
    use webchat_persistence_mongo::OpenError;

    let deadline = Instant::now() + PATIENCE;
    loop {
        match MongoDatabase::connect(uri.expose_secret()).await {
            Err(error @ OpenError::Unreachable { .. }) if Instant::now() < deadline => {
                tracing::warn!(%error, "waiting for MongoDB");
                sleep(TRY_AGAIN_AFTER).await;
            }
            connected => return Ok(connected?),
        }
    }
}
