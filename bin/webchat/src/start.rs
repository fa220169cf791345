use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;
use webchat_chat::{Chat, Ports};
use webchat_domain::SystemClock;
use webchat_llm::{HttpChatModel, SetupError};
use webchat_persistence::StoreError;
use webchat_persistence_sqlite::SavedFilesDir;
use webchat_tokens::TokenCounter;
use webchat_transport::serve;

use crate::secret::{SecretError, secret_key};
use crate::stores::Stores;
use crate::{Settings, telemetry};

/// Why the server does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The address is taken, or not ours.
    #[error("can't listen on {address}: {cause}; {advice}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
        /// What to do.
        advice: &'static str,
    },
    /// The database file can't be opened.
    #[error(transparent)]
    Sqlite(#[from] webchat_persistence_sqlite::OpenError),
    /// MongoDB can't be used.
    #[error(transparent)]
    Mongo(#[from] webchat_persistence_mongo::OpenError),
    /// MongoDB fails.
    #[error("MongoDB fails: {0}")]
    Store(#[from] StoreError),
    /// There are conversations in the form of the Flask application.
    #[error(
        "{waiting} conversations of the Flask application wait in {place}: make a backup and run \
         `webchat init-db`, or set MIGRATE=on to have them carried over at the start"
    )]
    Waiting {
        /// Where.
        place: String,
        /// How many.
        waiting: u64,
    },
    /// They could not be carried over.
    #[error(transparent)]
    Migrate(#[from] webchat_persistence_mongo::FlaskError),
    /// Redis can't be used.
    #[error(transparent)]
    Redis(#[from] webchat_persistence_redis::OpenError),
    /// No key for the sessions.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The upstream's settings can't work.
    #[error(transparent)]
    Model(#[from] SetupError),
    /// The server can't run.
    #[error("can't serve: {0}")]
    Serve(#[from] io::Error),
}

/// A server that runs until [`RunningWebchat::shutdown`].
pub struct RunningWebchat {
    local_url: String,
    public_url: Option<Url>,
    chat: Chat,
    grace: Duration,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
}

/// Puts the parts together and starts to serve.
///
/// # Errors
/// See [`StartError`]: each says what to do.
pub async fn start(settings: Settings) -> Result<RunningWebchat, StartError> {
    // First, as it is the likeliest to fail.
    let listener = listen(SocketAddr::new(settings.host, settings.port))?;
    let stores = Stores::open(&settings.stores).await?;
    let secret_key = secret_key(settings.secret_key.as_ref(), &settings.stores.data_dir)?;
    let chat = chat(&settings, stores)?;
    chat.spawn_background_tasks();
    let server = serve(
        listener,
        chat.clone(),
        &webchat_transport::Settings {
            secret_key,
            public_url: settings.public_url.clone(),
            allowed_origins: settings.allowed_origins,
            web_dir: settings.web_dir,
            max_import_bytes: settings.max_import_bytes,
            requests_per_second: settings.requests_per_second,
            limits: settings.limits,
            metrics: settings.metrics.then(telemetry::metrics).transpose()?,
        },
    )?;
    let local_url =
        server.address().map_or_else(String::new, |address| format!("http://{address}"));
    let (stop, stopped) = oneshot::channel();
    let serving = spawn(server.run(async {
        // A sender that is dropped ends the server too.
        let _ = stopped.await;
    }));
    Ok(RunningWebchat {
        local_url,
        public_url: settings.public_url,
        chat,
        grace: settings.shutdown_grace,
        stop,
        serving,
    })
}

impl RunningWebchat {
    /// Where users find it.
    #[must_use]
    pub fn url(&self) -> &str {
        self.public_url.as_ref().map_or(self.local_url.as_str(), Url::as_str)
    }

    /// Where it listens.
    #[must_use]
    pub fn local_url(&self) -> &str {
        &self.local_url
    }

    /// Which model answers, as far as it is known yet.
    #[must_use]
    pub fn model_name(&self) -> Option<String> {
        self.chat.model_name()
    }

    /// Lets running answers end within their grace, keeps what the rest have, and closes the
    /// connections.
    ///
    /// # Errors
    /// When the server failed.
    pub async fn shutdown(self) -> io::Result<()> {
        self.chat.shutdown(self.grace).await;
        // It may have ended by itself: then there is nobody to tell.
        let _ = self.stop.send(());
        self.serving.await.map_err(io::Error::other)?
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|cause| StartError::Listen {
        address,
        advice: match cause.kind() {
            io::ErrorKind::AddrInUse => "set PORT to one that is free, or stop what uses this one",
            io::ErrorKind::PermissionDenied => "set PORT to one above 1023",
            _ => "set HOST to an address of this machine",
        },
        cause,
    })
}

fn chat(settings: &Settings, stores: Stores) -> Result<Chat, StartError> {
    let Stores { conversations, contexts, archive, file_jobs, sessions, log, signals, probes } =
        stores;
    let ports = Ports {
        conversations,
        contexts,
        archive,
        file_jobs,
        sessions,
        log,
        signals,
        saved_files: Arc::new(SavedFilesDir::at(
            settings.stores.data_dir.join("saved_conversations"),
        )),
        probes,
        model: Arc::new(HttpChatModel::new(settings.upstream.clone())?),
        clock: Arc::new(SystemClock),
        tokens: token_counter(settings.upstream.model.as_deref()),
    };
    let settings = webchat_chat::Settings {
        max_tokens: settings.max_tokens,
        reply_tokens: settings.reply_tokens,
        session_ttl: settings.session_ttl,
        system_prompt: settings.system_prompt.clone(),
        auto_titles: settings.auto_titles,
        files: settings.files.clone(),
        turns_per_user: settings.turns_per_user,
    };
    Ok(Chat::new(ports, settings))
}

/// Loaded now, so that no request waits for it.
fn token_counter(model: Option<&str>) -> TokenCounter {
    let Some(model) = model else { return TokenCounter::load() };
    if !TokenCounter::knows(model) {
        tracing::warn!(
            model,
            "it is not known how this model counts tokens: as gpt-4o does, is assumed"
        );
    }
    TokenCounter::for_model(model)
}

#[expect(clippy::disallowed_methods, reason = "shutdown waits for this one by its handle")]
fn spawn(
    server: impl Future<Output = io::Result<()>> + Send + 'static,
) -> JoinHandle<io::Result<()>> {
    tokio::spawn(server)
}
