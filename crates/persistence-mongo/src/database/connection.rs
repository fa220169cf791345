//! A connected MongoDB database and its collections.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::error::{Error as MongoError, ErrorKind, Result as MongoResult};
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;
use mongodb::options::{
    Acknowledgment, ClientOptions, CollectionOptions, ReadConcern, ReadPreference,
    SelectionCriteria, WriteConcern,
};
use mongodb::{Client, Collection, Database};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::TaskTracker;
use webchat_persistence::StoreError;

use super::limits::MAX_CONNECTIONS;
use super::open_error::{OpenError, ServerLocation, check_server};
use super::timeout::within;
use crate::documents::{
    AccountDocument, AnalysisDocument, ApiKeyDocument, AuditEntryDocument, ConversationDocument,
    IdentityDocument, JobDocument, MessageDocument, PendingDeletionDocument, TextDocument,
    UserDocument,
};
use crate::erasures::ErasureDocument;
use crate::error::store_error;
use crate::schema::{
    ACCOUNTS, API_KEYS, AUDIT_ENTRIES, CONVERSATIONS, DAILY_TOKENS, ERASURES, FILE_ANALYSES,
    FILE_JOBS, FILE_TEXTS, IDENTITIES, MESSAGES, REMOVALS, USERS,
};

/// The database that is used if the URI contains none.
const DEFAULT_DATABASE: &str = "chatbot_db";

/// The timeout for selecting a suitable server, unless the URI sets another one.
const SERVER_SELECTION_TIMEOUT: Duration = Duration::from_secs(5);

/// The timeout for a direct `hello` to a server that can't be selected.
const DIRECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The maximum duration of a call once a server is selected, including retried transactions and
/// elections.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum time that closing waits for transactions and cursors.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A MongoDB database. Clones share its connections.
#[derive(Clone)]
pub struct MongoDatabase {
    pub(super) client: Client,
    database: Database,
    location: ServerLocation,
    timeout: Duration,
    app_name: Arc<str>,
    pub(super) transactions: TaskTracker,
}

impl MongoDatabase {
    /// Connects to the database in the URI, or to `chatbot_db`. Writes nothing.
    ///
    /// The URI's options apply, except its read and write concerns and its read preference: writes go to
    /// a majority of the servers, and reads come from the primary. Progress of an answer and the end of a turn are the
    /// exceptions: the primary alone confirms them.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn connect(uri: &str) -> Result<Self, OpenError> {
        Self::connect_with(options(uri).await?, uri, Duration::MAX).await
    }

    /// Connects like [`MongoDatabase::connect`], but gives up after `limit`, whatever timeouts the URI sets.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn connect_within(uri: &str, limit: Duration) -> Result<Self, OpenError> {
        let deadline = Instant::now() + limit;
        let options = timeout_at(deadline, options(uri)).await;
        let options = options.map_err(|_| OpenError::name_resolution_timeout(uri))??;
        Self::connect_with(options, uri, deadline.saturating_duration_since(Instant::now())).await
    }

    /// Connects like [`MongoDatabase::connect`], and calls `on_command` for each command that is sent to the server, with
    /// its name and collection: `insert messages`. A command is a round trip.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn connect_monitored(
        uri: &str,
        on_command: impl Fn(String) + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        let mut options = options(uri).await?;
        options.command_event_handler = Some(EventHandler::callback(move |event| {
            if let CommandEvent::Started(started) = event {
                let collection = started.command.get_str(&started.command_name);
                let name = [started.command_name.as_str(), collection.unwrap_or_default()];
                on_command(name.join(" ").trim_end().to_owned());
            }
        }));
        Self::connect_with(options, uri, Duration::MAX).await
    }

    async fn connect_with(
        options: ClientOptions,
        uri: &str,
        limit: Duration,
    ) -> Result<Self, OpenError> {
        let hosts = options.hosts.clone();
        let timeout =
            options.server_selection_timeout.unwrap_or(SERVER_SELECTION_TIMEOUT) + CALL_TIMEOUT;
        let app_name = options.app_name.as_deref().unwrap_or_default().into();
        let client = Client::with_options(options.clone())
            .map_err(|error| OpenError::from_uri(uri, error))?;
        let database =
            client.default_database().unwrap_or_else(|| client.database(DEFAULT_DATABASE));
        let location = ServerLocation::new(hosts, database.name());
        let transactions = TaskTracker::new();
        let connected = Self { client, database, location, timeout, app_name, transactions };
        let checked = match connected.with_timeout(timeout.min(limit)).hello().await {
            Ok(hello) => check_server(&hello, &connected.location),
            Err(error) => Err(connected.diagnose(options, error).await),
        };
        if checked.is_err() {
            connected.close().await;
        }
        checked.map(|()| connected)
    }

    /// Pings the primary.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if there is no primary.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.run(self.database.run_command(doc! { "ping": 1 })).await?;
        Ok(())
    }

    /// Waits until all running transactions have ended, including those whose futures were dropped, and ends the driver's
    /// background tasks, which panic if the runtime ends before them. Takes at most 5 s. No further calls should be made.
    pub async fn close(&self) {
        self.transactions.close();
        let close = async {
            self.transactions.wait().await;
            self.client.clone().shutdown().await;
        };
        if timeout(CLOSE_TIMEOUT, close).await.is_err() {
            self.client.clone().shutdown().immediate(true).await;
        }
    }

    /// Returns the hosts and the name of the database, for messages to the operator. Contains no
    /// secrets.
    #[must_use]
    pub fn location(&self) -> String {
        self.location.to_string()
    }

    pub(crate) fn raw(&self) -> &Database {
        &self.database
    }

    pub(crate) fn admin(&self) -> Database {
        self.client.database("admin")
    }

    /// Returns the application name, by which MongoDB distinguishes these connections from others.
    pub(crate) fn app_name(&self) -> &str {
        &self.app_name
    }

    /// Returns the same database with another time limit for calls.
    pub(crate) fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    pub(crate) fn open_error(&self, error: MongoError) -> OpenError {
        OpenError::from_driver(error, &self.location)
    }

    pub(crate) fn conversations(&self) -> Collection<ConversationDocument> {
        self.database.collection(CONVERSATIONS)
    }

    /// Returns the messages. Reads include the newest progress of answers, which a majority may not have yet.
    pub(crate) fn messages(&self) -> Collection<MessageDocument> {
        let options = CollectionOptions::builder().read_concern(ReadConcern::local()).build();
        self.database.collection_with_options(MESSAGES, options)
    }

    pub(crate) fn erasures(&self) -> Collection<ErasureDocument> {
        self.database.collection(ERASURES)
    }

    pub(crate) fn removals(&self) -> Collection<PendingDeletionDocument> {
        self.database.collection(REMOVALS)
    }

    pub(crate) fn file_jobs(&self) -> Collection<JobDocument> {
        self.database.collection(FILE_JOBS)
    }

    pub(crate) fn file_texts(&self) -> Collection<TextDocument> {
        self.database.collection(FILE_TEXTS)
    }

    pub(crate) fn file_analyses(&self) -> Collection<AnalysisDocument> {
        self.database.collection(FILE_ANALYSES)
    }

    pub(crate) fn daily_tokens(&self) -> Collection<Document> {
        self.database.collection(DAILY_TOKENS)
    }

    pub(crate) fn accounts(&self) -> Collection<AccountDocument> {
        self.raw().collection(ACCOUNTS)
    }

    pub(crate) fn api_keys(&self) -> Collection<ApiKeyDocument> {
        self.raw().collection(API_KEYS)
    }

    pub(crate) fn audit_entries(&self) -> Collection<AuditEntryDocument> {
        self.raw().collection(AUDIT_ENTRIES)
    }

    pub(crate) fn identities(&self) -> Collection<IdentityDocument> {
        self.raw().collection(IDENTITIES)
    }

    pub(crate) fn users(&self) -> Collection<UserDocument> {
        self.database.collection(USERS)
    }

    /// Runs a call of the driver with a time limit, because a server may accept a request and never respond.
    pub(crate) async fn run<T>(
        &self,
        call: impl IntoFuture<Output = MongoResult<T>>,
    ) -> Result<T, StoreError> {
        within(self.timeout, call).await.map_err(store_error)
    }
}

/// Shows the location, but no secrets of the URI.
impl fmt::Debug for MongoDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MongoDatabase({})", self.location)
    }
}

impl MongoDatabase {
    async fn hello(&self) -> MongoResult<Document> {
        within(self.timeout, self.database.run_command(doc! { "hello": 1 })).await
    }

    /// Finds out why the server can't be used. A server that the driver can't select may still respond on a direct
    /// connection, and report that it is not a member of a replica set.
    async fn diagnose(&self, mut options: ClientOptions, error: MongoError) -> OpenError {
        options.hosts.truncate(1);
        options.server_selection_timeout = Some(DIRECT_TIMEOUT);
        options.repl_set_name = None;
        options.direct_connection = Some(true);
        let is_selection_error = matches!(*error.kind, ErrorKind::ServerSelection { .. });
        if is_selection_error && let Ok(client) = Client::with_options(options) {
            let database = client.database(self.database.name());
            let direct = Self { client, database, ..self.clone() };
            let hello = direct.hello().await;
            direct.client.shutdown().await;
            if let Ok(Err(unusable)) = hello.map(|hello| check_server(&hello, &self.location)) {
                return unusable;
            }
        }
        self.open_error(error)
    }
}

async fn options(uri: &str) -> Result<ClientOptions, OpenError> {
    let mut options =
        ClientOptions::parse(uri).await.map_err(|error| OpenError::from_uri(uri, error))?;
    options.app_name.get_or_insert_with(|| "webchat".to_owned());
    options.server_selection_timeout.get_or_insert(SERVER_SELECTION_TIMEOUT);
    options.max_pool_size.get_or_insert(MAX_CONNECTIONS);
    // The URI must not weaken the guarantees of the ports: an acknowledged write survives the loss of a server, and
    // the next read sees it.
    options.write_concern = Some(majority());
    options.read_concern = Some(ReadConcern::majority());
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    Ok(options)
}

/// The write concern of writes that survive the loss of a server.
pub(crate) fn majority() -> WriteConcern {
    WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build()
}

/// The write concern of writes that may be lost if the primary fails.
pub(crate) fn primary_in_memory() -> WriteConcern {
    WriteConcern::builder().w(Acknowledgment::Nodes(1)).journal(false).build()
}
