use std::fmt;
use std::future::IntoFuture;
use std::io::ErrorKind::TimedOut;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, TryFutureExt};
use mongodb::bson::{Document, doc};
use mongodb::error::{Error as MongoError, ErrorKind, Result as MongoResult};
use mongodb::options::{
    Acknowledgment, ClientOptions, ReadConcern, ReadPreference, SelectionCriteria,
    TransactionOptions, WriteConcern,
};
use mongodb::{Client, ClientSession, Collection, Database};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use webchat_persistence::StoreError;

use crate::OpenError;
use crate::definitions::{CONVERSATIONS, FILE_ANALYSES, FILE_JOBS, FILE_TEXTS, MESSAGES, REMOVALS};
use crate::documents::{ConversationDocument, MessageDocument, RemovalDocument};
use crate::error::store_error;
use crate::file_documents::{AnalysisDocument, JobDocument, TextDocument};
use crate::open_error::{Place, check_server};

/// Where everything lies if the URI names no database.
const DEFAULT_DATABASE: &str = "chatbot_db";

/// How long a call waits for a server that can take it, if the URI doesn't say.
const SERVER_SELECTION_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to try for what a server says of itself that can't be selected.
const DIRECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a call may take once there is a server: repeated transactions and elections included.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// A MongoDB database. Clones share its connections.
#[derive(Clone)]
pub struct MongoDatabase {
    client: Client,
    database: Database,
    place: Place,
    patience: Duration,
    app_name: Arc<str>,
    transactions: TaskTracker,
}

impl MongoDatabase {
    /// Connects to the database that the URI names, or to `chatbot_db`. Nothing is written.
    ///
    /// The URI's options count, but for its read and write concerns and its read preference: what
    /// is written goes to a majority of the servers, and what is read comes from the primary.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn connect(uri: &str) -> Result<Self, OpenError> {
        let options = options(uri).await?;
        let hosts = options.hosts.clone();
        let patience =
            options.server_selection_timeout.unwrap_or(SERVER_SELECTION_TIMEOUT) + CALL_TIMEOUT;
        let app_name = options.app_name.as_deref().unwrap_or_default().into();
        let client = Client::with_options(options.clone())
            .map_err(|error| OpenError::from_uri(uri, error))?;
        let database =
            client.default_database().unwrap_or_else(|| client.database(DEFAULT_DATABASE));
        let place = Place::new(hosts, database.name());
        let transactions = TaskTracker::new();
        let connected = Self { client, database, place, patience, app_name, transactions };
        match connected.hello().await {
            Ok(hello) => check_server(&hello, &connected.place)?,
            Err(error) => return Err(connected.why_unreachable(options, error).await),
        }
        Ok(connected)
    }

    /// Asks the primary for a sign of life.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if there is none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.answer(self.database.run_command(doc! { "ping": 1 })).await?;
        Ok(())
    }

    /// Waits for the end of what is under way, also for calls whose futures were dropped. Nothing
    /// should be asked of the database any more.
    pub async fn close(&self) {
        self.transactions.close();
        self.transactions.wait().await;
    }

    /// Its hosts and its name, as in messages to the operator: nothing of it is secret.
    #[must_use]
    pub fn place(&self) -> String {
        self.place.to_string()
    }

    pub(crate) fn raw(&self) -> &Database {
        &self.database
    }

    pub(crate) fn admin(&self) -> Database {
        self.client.database("admin")
    }

    /// By which MongoDB tells our connections from others.
    pub(crate) fn app_name(&self) -> &str {
        &self.app_name
    }

    /// The same database, whose calls may take so long.
    pub(crate) fn with_patience(&self, patience: Duration) -> Self {
        Self { patience, ..self.clone() }
    }

    pub(crate) fn open_error(&self, error: MongoError) -> OpenError {
        OpenError::from_driver(error, &self.place)
    }

    pub(crate) fn conversations(&self) -> Collection<ConversationDocument> {
        self.database.collection(CONVERSATIONS)
    }

    pub(crate) fn messages(&self) -> Collection<MessageDocument> {
        self.database.collection(MESSAGES)
    }

    pub(crate) fn removals(&self) -> Collection<RemovalDocument> {
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

    /// Waits for an answer, but not for ever: a server that can't be reached may take a request and
    /// say nothing.
    pub(crate) async fn answer<T>(
        &self,
        call: impl IntoFuture<Output = MongoResult<T>>,
    ) -> Result<T, StoreError> {
        within(self.patience, call).await.map_err(store_error)
    }

    /// Runs `work` in a transaction: all that it writes is there afterwards, or nothing. When somebody
    /// else writes the same documents meanwhile, or the primary is lost, it is run again.
    ///
    /// It is run to its end even if nobody waits for that any more: a transaction that is given up in
    /// the middle can hold up others that write the same documents for a minute.
    pub(crate) async fn transaction<C, T, W>(&self, context: C, work: W) -> Result<T, StoreError>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        W: for<'a> Fn(Transaction<'a>, &'a C) -> BoxFuture<'a, MongoResult<T>>,
        W: Send + Sync + 'static,
    {
        let database = self.clone();
        let running = self.transactions.spawn(async move {
            database.transaction_in(&mut database.start_session().await?, context, work).await
        });
        running.await.map_err(StoreError::fault)?
    }

    pub(crate) async fn start_session(&self) -> Result<ClientSession, StoreError> {
        self.answer(self.client.start_session()).await
    }

    /// Such a transaction, in this session.
    pub(crate) async fn transaction_in<C: Send, T>(
        &self,
        session: &mut ClientSession,
        context: C,
        work: impl for<'a> Fn(Transaction<'a>, &'a C) -> BoxFuture<'a, MongoResult<T>> + Send,
    ) -> Result<T, StoreError> {
        let options = TransactionOptions::builder()
            .read_concern(ReadConcern::snapshot())
            .write_concern(majority())
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .build();
        let transaction = session.start_transaction().with_options(options);
        // When there is no server within the time for finding one, the driver would look for one
        // again, to abort the transaction and to repeat it.
        let (gone, mut told) = mpsc::channel(1);
        let repeated = transaction.and_run((self, context), |session, (database, context)| {
            let gone = gone.clone();
            let work = work(Transaction { database, session }, context);
            work.inspect_err(move |error| {
                if matches!(*error.kind, ErrorKind::ServerSelection { .. }) {
                    gone.try_send(error.clone()).ok();
                }
            })
            .boxed()
        });
        self.answer(async {
            tokio::select! {
                outcome = repeated => outcome,
                Some(error) = told.recv() => Err(error),
            }
        })
        .await
    }
}

/// What is written with the session is part of the transaction.
pub(crate) struct Transaction<'a> {
    pub(crate) database: &'a MongoDatabase,
    pub(crate) session: &'a mut ClientSession,
}

/// Shows where it is, and nothing secret of the URI.
impl fmt::Debug for MongoDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MongoDatabase({})", self.place)
    }
}

impl MongoDatabase {
    async fn hello(&self) -> MongoResult<Document> {
        within(self.patience, self.database.run_command(doc! { "hello": 1 })).await
    }

    /// A server that can't be selected may still say, asked directly, that it is no member of a
    /// replica set.
    async fn why_unreachable(&self, mut options: ClientOptions, error: MongoError) -> OpenError {
        options.hosts.truncate(1);
        options.server_selection_timeout = Some(DIRECT_TIMEOUT);
        options.repl_set_name = None;
        options.direct_connection = Some(true);
        let is_selection = matches!(*error.kind, ErrorKind::ServerSelection { .. });
        if is_selection && let Ok(client) = Client::with_options(options) {
            let database = client.database(self.database.name());
            let asked = Self { client, database, ..self.clone() }.hello().await;
            if let Ok(Err(refusal)) = asked.map(|hello| check_server(&hello, &self.place)) {
                return refusal;
            }
        }
        self.open_error(error)
    }
}

pub(crate) async fn within<T>(
    limit: Duration,
    call: impl IntoFuture<Output = MongoResult<T>>,
) -> MongoResult<T> {
    timeout(limit, call.into_future()).await.unwrap_or_else(|_| Err(TimedOut.into()))
}

async fn options(uri: &str) -> Result<ClientOptions, OpenError> {
    let mut options =
        ClientOptions::parse(uri).await.map_err(|error| OpenError::from_uri(uri, error))?;
    options.app_name.get_or_insert_with(|| "webchat".to_owned());
    options.server_selection_timeout.get_or_insert(SERVER_SELECTION_TIMEOUT);
    // Promises of the ports, which no URI can lower: what was acknowledged survives the loss of a
    // server, and is seen by whoever reads next.
    options.write_concern = Some(majority());
    options.read_concern = Some(ReadConcern::majority());
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    Ok(options)
}

fn majority() -> WriteConcern {
    WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build()
}
