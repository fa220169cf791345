//! Chooses and opens the stores. Only this module connects the ports to their adapters.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use webchat_chat::{AccountPorts, AccountStore, ErasurePorts};
use webchat_domain::SystemClock;
use webchat_persistence::{
    Accounts, ApiKeys, AuditLog, Contexts, ConversationTransfer, Conversations, Erasures, FileJobs,
    Identities, Probe, SavedFiles, Sessions, Signals, TokenBudgets, TurnLog, UserActivity,
    UserSettingsStore,
};
use webchat_persistence_mongo::{
    FlaskMigration, MigrationProgress, MongoDatabase, MongoStore, Schema,
};
use webchat_persistence_redis::RedisStore;
use webchat_persistence_sqlite::{LocalSignals, SavedFilesDir, SqliteStore};
use webchat_tokens::TokenCounter;

use crate::StoreSettings;
use crate::error::StartError;

/// The timeout at startup for a database that is not available yet.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The delay between two attempts to connect.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The adapters of all stores.
pub(crate) struct Stores {
    pub(crate) conversations: Arc<dyn Conversations>,
    pub(crate) contexts: Arc<dyn Contexts>,
    pub(crate) transfer: Arc<dyn ConversationTransfer>,
    pub(crate) file_jobs: Arc<dyn FileJobs>,
    pub(crate) token_budgets: Arc<dyn TokenBudgets>,
    pub(crate) user_activity: Arc<dyn UserActivity>,
    pub(crate) user_settings: Arc<dyn UserSettingsStore>,
    pub(crate) accounts: Arc<dyn Accounts>,
    pub(crate) api_keys: Arc<dyn ApiKeys>,
    pub(crate) audit: Arc<dyn AuditLog>,
    pub(crate) identities: Arc<dyn Identities>,
    pub(crate) erasures: Arc<dyn Erasures>,
    pub(crate) saved_files: Arc<dyn SavedFiles>,
    pub(crate) sessions: Arc<dyn Sessions>,
    pub(crate) turn_log: Arc<dyn TurnLog>,
    pub(crate) signals: Arc<dyn Signals>,
    pub(crate) probes: Vec<Arc<dyn Probe>>,
    /// The database to close when the server ends.
    pub(crate) mongo_database: Option<MongoDatabase>,
}

impl Stores {
    /// Opens MongoDB and Redis if they are configured, and SQLite for the rest.
    pub(crate) async fn open(settings: &StoreSettings) -> Result<Self, StartError> {
        let database = match &settings.mongodb_uri {
            Some(uri) => Some(open_and_migrate_mongo(uri, settings.migrate).await?),
            None => None,
        };
        close_on_error(database.as_ref(), Self::open_rest(settings, database.clone())).await
    }

    pub(crate) fn account_ports(&self) -> AccountPorts {
        AccountPorts {
            accounts: Arc::clone(&self.accounts),
            api_keys: Arc::clone(&self.api_keys),
            audit: Arc::clone(&self.audit),
            identities: Arc::clone(&self.identities),
            sessions: Arc::clone(&self.sessions),
            signals: Arc::clone(&self.signals),
            clock: Arc::new(SystemClock),
        }
    }

    pub(crate) fn erasure_ports(&self) -> ErasurePorts {
        ErasurePorts {
            accounts: self.account_ports(),
            erasures: Arc::clone(&self.erasures),
            conversations: Arc::clone(&self.conversations),
            saved_files: Arc::clone(&self.saved_files),
            log: Arc::clone(&self.turn_log),
        }
    }

    /// Opens the other stores.
    async fn open_rest(
        settings: &StoreSettings,
        mongo_database: Option<MongoDatabase>,
    ) -> Result<Self, StartError> {
        let redis = match &settings.redis_url {
            Some(url) => Some(RedisStore::open(url.expose_secret(), CONNECT_TIMEOUT).await?),
            None => None,
        };
        let mongo_store = mongo_database.clone().map(MongoStore::new);
        let saved_files = SavedFilesDir::at(settings.data_dir.join("saved_conversations"));
        let stores = match (mongo_store, redis) {
            (Some(mongo), Some(redis)) => Self::shared(mongo, redis, saved_files),
            (mongo, redis) => {
                let sqlite = open_sqlite(&settings.data_dir).await?;
                Self::single_instance(sqlite, mongo, redis, saved_files)
            }
        };
        Ok(Self { mongo_database, ..stores })
    }

    /// Returns the stores of an instance that shares them with other instances. No SQLite database is used.
    fn shared(mongo: MongoStore, redis: RedisStore, saved_files: SavedFilesDir) -> Self {
        Self {
            saved_files: Arc::new(saved_files),
            turn_log: Arc::new(redis.turn_log()),
            signals: Arc::new(redis.signals()),
            probes: vec![Arc::new(mongo.clone()), Arc::new(redis.clone())],
            sessions: Arc::new(redis),
            contexts: Arc::new(mongo.clone()),
            transfer: Arc::new(mongo.clone()),
            file_jobs: Arc::new(mongo.clone()),
            token_budgets: Arc::new(mongo.clone()),
            user_activity: Arc::new(mongo.clone()),
            user_settings: Arc::new(mongo.clone()),
            accounts: Arc::new(mongo.clone()),
            api_keys: Arc::new(mongo.clone()),
            audit: Arc::new(mongo.clone()),
            identities: Arc::new(mongo.clone()),
            erasures: Arc::new(mongo.clone()),
            conversations: Arc::new(mongo),
            mongo_database: None,
        }
    }

    /// Returns the stores of a single instance. SQLite replaces MongoDB or Redis if they are not configured.
    fn single_instance(
        sqlite: SqliteStore,
        mongo: Option<MongoStore>,
        redis: Option<RedisStore>,
        saved_files: SavedFilesDir,
    ) -> Self {
        let mut stores = Self {
            saved_files: Arc::new(saved_files),
            turn_log: Arc::new(sqlite.turn_log()),
            signals: Arc::new(LocalSignals::new()),
            probes: vec![Arc::new(sqlite.clone())],
            sessions: Arc::new(sqlite.clone()),
            contexts: Arc::new(sqlite.clone()),
            transfer: Arc::new(sqlite.clone()),
            file_jobs: Arc::new(sqlite.clone()),
            token_budgets: Arc::new(sqlite.clone()),
            user_activity: Arc::new(sqlite.clone()),
            user_settings: Arc::new(sqlite.clone()),
            accounts: Arc::new(sqlite.clone()),
            api_keys: Arc::new(sqlite.clone()),
            audit: Arc::new(sqlite.clone()),
            identities: Arc::new(sqlite.clone()),
            erasures: Arc::new(sqlite.clone()),
            conversations: Arc::new(sqlite),
            mongo_database: None,
        };
        if let Some(mongo) = mongo {
            tracing::info!("running as a single instance: set REDIS_URL to run several");
            stores.probes.push(Arc::new(mongo.clone()));
            stores.contexts = Arc::new(mongo.clone());
            stores.transfer = Arc::new(mongo.clone());
            stores.file_jobs = Arc::new(mongo.clone());
            stores.token_budgets = Arc::new(mongo.clone());
            stores.user_activity = Arc::new(mongo.clone());
            stores.user_settings = Arc::new(mongo.clone());
            stores.accounts = Arc::new(mongo.clone());
            stores.api_keys = Arc::new(mongo.clone());
            stores.audit = Arc::new(mongo.clone());
            stores.identities = Arc::new(mongo.clone());
            stores.erasures = Arc::new(mongo.clone());
            stores.conversations = Arc::new(mongo);
        }
        if let Some(redis) = redis {
            tracing::info!("running as a single instance: set MONGODB_URI to run several");
            stores.turn_log = Arc::new(redis.turn_log());
            stores.signals = Arc::new(redis.signals());
            stores.probes.push(Arc::new(redis.clone()));
            stores.sessions = Arc::new(redis);
        }
        stores
    }
}

/// Opens the SQLite file in `data_dir`.
pub(crate) async fn open_sqlite(data_dir: &Path) -> Result<SqliteStore, StartError> {
    Ok(SqliteStore::open(&data_dir.join("webchat.db")).await?)
}

/// Opens a MongoDB database. Conversations of the Flask application are migrated if `migrate` is set, and are an
/// error otherwise.
async fn open_and_migrate_mongo(
    uri: &SecretString,
    migrate: bool,
) -> Result<MongoDatabase, StartError> {
    let database = connect(uri).await?;
    close_on_error(Some(&database), Box::pin(prepare_and_migrate(&database, migrate))).await?;
    Ok(database)
}

async fn prepare_and_migrate(database: &MongoDatabase, migrate: bool) -> Result<(), StartError> {
    let schema = Schema::of(database.clone());
    schema.check().await?;
    let migration = flask_migration(database);
    let pending = migration.pending().await?;
    if pending > 0 && !migrate {
        return Err(StartError::MigrationPending { location: database.location(), pending });
    }
    schema.prepare().await?;
    if pending > 0 {
        let report = migration.run(log_progress).await?;
        tracing::info!(
            conversations = report.conversations,
            skipped = report.skipped,
            "migrated the conversations of the Flask application"
        );
    }
    Ok(())
}

/// Runs `work`, and closes the database if it fails: the driver's background tasks panic if the runtime ends first.
pub(crate) async fn close_on_error<T>(
    database: Option<&MongoDatabase>,
    work: impl Future<Output = Result<T, StartError>>,
) -> Result<T, StartError> {
    let result = work.await;
    if let (Err(_), Some(database)) = (&result, database) {
        database.close().await;
    }
    result
}

fn log_progress(progress: MigrationProgress) {
    match progress {
        MigrationProgress::Waiting => tracing::info!("waiting for another migration to finish"),
        MigrationProgress::Skipped(document) => {
            tracing::warn!(%document, "skipped a document of the Flask application");
        }
        MigrationProgress::Migrated { conversations, messages, skipped, total } => {
            tracing::info!(conversations, messages, skipped, total, "migrating conversations");
        }
    }
}

/// Creates a migration that loads the tokenizer only when needed: usually there is nothing to migrate.
pub(crate) fn flask_migration(database: &MongoDatabase) -> FlaskMigration {
    FlaskMigration::new(database, Arc::new(|text| TokenCounter::default().count(text)))
}

/// A store from which, or to which, a command copies, exports or imports.
pub(crate) struct TransferStore {
    pub(crate) transfer: Arc<dyn ConversationTransfer>,
    pub(crate) user_settings: Arc<dyn UserSettingsStore>,
    pub(crate) accounts: Arc<dyn Accounts>,
    pub(crate) api_keys: Arc<dyn ApiKeys>,
    pub(crate) audit: Arc<dyn AuditLog>,
    pub(crate) identities: Arc<dyn Identities>,
    pub(crate) erasures: Arc<dyn Erasures>,
    mongo_database: Option<MongoDatabase>,
}

impl TransferStore {
    /// Opens the SQLite file in `data_dir`.
    pub(crate) async fn open_sqlite(data_dir: &Path) -> Result<Self, StartError> {
        Ok(Self::new(open_sqlite(data_dir).await?, None))
    }

    /// Opens a MongoDB store, and updates its collections and indexes.
    pub(crate) async fn open_mongo(uri: &SecretString) -> Result<Self, StartError> {
        let database = connect(uri).await?;
        let schema = Schema::of(database.clone());
        close_on_error(Some(&database), async { Ok(schema.prepare().await?) }).await?;
        Ok(Self::new(MongoStore::new(database.clone()), Some(database)))
    }

    fn new<S>(store: S, mongo_database: Option<MongoDatabase>) -> Self
    where
        S: ConversationTransfer
            + UserSettingsStore
            + Accounts
            + ApiKeys
            + AuditLog
            + Identities
            + Erasures
            + Clone
            + 'static,
    {
        Self {
            transfer: Arc::new(store.clone()),
            accounts: Arc::new(store.clone()),
            api_keys: Arc::new(store.clone()),
            audit: Arc::new(store.clone()),
            identities: Arc::new(store.clone()),
            erasures: Arc::new(store.clone()),
            user_settings: Arc::new(store),
            mongo_database,
        }
    }

    pub(crate) fn account_store(&self) -> AccountStore<'_> {
        AccountStore {
            accounts: self.accounts.as_ref(),
            api_keys: self.api_keys.as_ref(),
            identities: self.identities.as_ref(),
        }
    }

    /// Ends the background work.
    pub(crate) async fn close(self) {
        drop((
            self.transfer,
            self.user_settings,
            self.accounts,
            self.api_keys,
            self.audit,
            self.identities,
            self.erasures,
        ));
        if let Some(database) = self.mongo_database {
            database.close().await;
        }
    }
}

/// Connects to MongoDB. Waits for a server that is not available yet: up to [`CONNECT_TIMEOUT`], which also limits each
/// attempt, plus the last attempt.
pub(crate) async fn connect(uri: &SecretString) -> Result<MongoDatabase, StartError> {
    use webchat_persistence_mongo::OpenError;

    let deadline = Instant::now() + CONNECT_TIMEOUT;
    let connected = (|| MongoDatabase::connect_within(uri.expose_secret(), CONNECT_TIMEOUT))
        .retry(ConstantBuilder::new().with_delay(RETRY_DELAY).without_max_times())
        .when(|error| matches!(error, OpenError::Unreachable { .. }) && Instant::now() < deadline)
        .notify(|error, _| tracing::warn!(%error, "waiting for MongoDB"))
        .await;
    Ok(connected?)
}
