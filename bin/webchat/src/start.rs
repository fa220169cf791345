//! Starting and stopping the server.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use url::Url;
use webchat_chat::{Chat, Models, Ports};
use webchat_domain::SystemClock;
use webchat_persistence_mongo::MongoDatabase;
use webchat_persistence_sqlite::make_private;
use webchat_transport::{RenderMetrics, WebClient, serve};

use crate::error::StartError;
use crate::models::models;
use crate::open_files::{max_tcp_connections, raise_open_files_limit};
use crate::secret::secret_key;
use crate::stores::{Stores, close_on_error};
use crate::telemetry::metrics;
use crate::telemetry::traces::request_headers;
use crate::{Settings, plaintext};

/// The time that the server has to close its connections at shutdown.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(15);

/// A server that runs until [`RunningWebchat::shutdown`].
pub struct RunningWebchat {
    local_url: String,
    public_url: Option<Url>,
    chat: Chat,
    shutdown_grace: Duration,
    mongo_database: Option<MongoDatabase>,
    stop_sender: oneshot::Sender<()>,
    server_task: JoinHandle<io::Result<()>>,
}

/// Creates and connects the components, and starts to serve.
///
/// # Errors
/// See [`StartError`]. Each message contains a hint.
pub async fn start(settings: Settings) -> Result<RunningWebchat, StartError> {
    let web_client = WebClient::open(settings.server.web_dir.clone())?;
    // Listen first, because this step is the most likely to fail.
    let listener = listen(settings.server.address())?;
    let metrics_listener = settings.server.metrics_addr.map(listen_for_metrics).transpose()?;
    plaintext::warn(&settings);
    // Start before turns are recovered, so that the recovered turns are counted.
    let metrics = settings.server.metrics.then(metrics::start).transpose()?;
    let stores = Stores::open(&settings.storage).await?;
    let mongo_database = stores.mongo_database.clone();
    let started = start_with(settings, stores, (listener, metrics_listener), &web_client, metrics);
    close_on_error(mongo_database.as_ref(), Box::pin(started)).await
}

async fn start_with(
    settings: Settings,
    stores: Stores,
    (listener, metrics_listener): (TcpListener, Option<TcpListener>),
    web_client: &WebClient,
    metrics: Option<RenderMetrics>,
) -> Result<RunningWebchat, StartError> {
    let mongo_database = stores.mongo_database.clone();
    restrict_access(&settings.storage.data_dir);
    let configured_key = settings.sessions.secret_key.as_ref();
    let secret_key = secret_key(configured_key, &settings.storage.data_dir)?;
    let chat = chat(&settings, stores)?;
    chat.recover_abandoned_turns().await;
    let max_connections = max_tcp_connections(raise_open_files_limit());
    let server_settings = settings.transport(secret_key, max_connections, metrics);
    let server = serve(listener, metrics_listener, chat.clone(), web_client, &server_settings)?;
    chat.spawn_background_tasks();
    let local_url =
        server.address().map_or_else(String::new, |address| format!("http://{address}"));
    let (stop_sender, stop_receiver) = oneshot::channel();
    let server_task = spawn(server.run(async {
        // Dropping the sender stops the server too.
        let _ = stop_receiver.await;
    }));
    Ok(RunningWebchat {
        local_url,
        public_url: settings.server.public_url,
        chat,
        shutdown_grace: Duration::from_secs(settings.server.shutdown_grace_s),
        mongo_database,
        stop_sender,
        server_task,
    })
}

impl RunningWebchat {
    /// Returns the URL for users.
    #[must_use]
    pub fn url(&self) -> &str {
        self.public_url.as_ref().map_or(self.local_url.as_str(), Url::as_str)
    }

    /// Returns the URL of the address that the server listens on.
    #[must_use]
    pub fn local_url(&self) -> &str {
        &self.local_url
    }

    /// Returns the model's name, if it is known yet.
    #[must_use]
    pub fn model_name(&self) -> Option<String> {
        self.chat.model_name()
    }

    /// Replaces the models with those of these settings. Running answers go on with the old ones. Other settings stay as
    /// they are until the next start.
    ///
    /// # Errors
    /// If a client can't be set up: then the old models stay.
    pub fn replace_models(&self, settings: &Settings) -> Result<(), StartError> {
        let models = models(settings, request_headers(&settings.traces))?;
        Ok(self.chat.models().replace(models)?)
    }

    /// Waits up to the grace period for running answers, imports and file analyses. Then aborts the remaining
    /// ones, saves their partial results, and closes all connections.
    ///
    /// # Errors
    /// If the server failed, or if tasks did not end in time and may have lost unsaved results.
    pub async fn shutdown(self) -> io::Result<()> {
        let unfinished = self.chat.shutdown(self.shutdown_grace).await;
        // Sending fails only if the server has already stopped.
        let _ = self.stop_sender.send(());
        if let Ok(stopped) = timeout(CLOSE_TIMEOUT, self.server_task).await {
            stopped.map_err(io::Error::other)??;
        } else {
            tracing::warn!("connections failed to close in time");
        }
        if let Some(database) = self.mongo_database {
            database.close().await;
        }
        if unfinished > 0 {
            let lost = format!(
                "{unfinished} tasks did not end in time: their unsaved results are lost. A longer \
                 SHUTDOWN_GRACE_S gives them more time"
            );
            return Err(io::Error::other(lost));
        }
        Ok(())
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|cause| StartError::Listen {
        address,
        advice: match cause.kind() {
            io::ErrorKind::AddrInUse => {
                "set PORT to a free port, or stop the program that uses this one"
            }
            io::ErrorKind::PermissionDenied => "set PORT to a port above 1023",
            _ => "set HOST to an address of this machine",
        },
        cause,
    })
}

fn listen_for_metrics(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|cause| StartError::Listen {
        address,
        advice: "set METRICS_ADDR to an address of this machine and a free port",
        cause,
    })
}

/// Makes the data directory unreadable for other users of the machine.
fn restrict_access(data_dir: &Path) {
    if let Err(error) = make_private(data_dir)
        && error.kind() != io::ErrorKind::NotFound
    {
        let data_dir = data_dir.display().to_string();
        tracing::warn!(data_dir, %error, "failed to make DATA_DIR private: others may be able to read it");
    }
}

fn chat(settings: &Settings, stores: Stores) -> Result<Chat, StartError> {
    let Stores {
        conversations,
        contexts,
        transfer,
        file_jobs,
        token_budgets,
        user_activity,
        user_settings,
        accounts,
        api_keys,
        audit,
        identities,
        erasures,
        saved_files,
        sessions,
        turn_log,
        signals,
        probes,
        mongo_database: _,
    } = stores;
    let ports = Ports {
        conversations,
        contexts,
        transfer,
        file_jobs,
        token_budgets,
        user_activity,
        user_settings,
        accounts,
        api_keys,
        audit,
        identities,
        erasures,
        single_sign_on: settings.single_sign_on()?,
        sessions,
        log: turn_log,
        signals,
        saved_files,
        probes,
        models: Models::new(models(settings, request_headers(&settings.traces))?)?,
        clock: Arc::new(SystemClock),
    };
    Ok(Chat::new(ports, settings.chat()))
}

#[expect(clippy::disallowed_methods, reason = "shutdown waits for this task by its handle")]
fn spawn(
    server: impl Future<Output = io::Result<()>> + Send + 'static,
) -> JoinHandle<io::Result<()>> {
    tokio::spawn(server)
}
