//! The complete server: the services, the pages and the metrics, on one listener.

use std::any::Any;
use std::future::{Future, pending};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
#[cfg(target_os = "linux")]
use actix_web::rt::net::TcpStream;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, HttpServer};
#[cfg(target_os = "linux")]
use socket2::SockRef;
use webchat_chat::Chat;

use crate::app::Services;
use crate::error::log::ErrorLog;
use crate::middleware::error_body::error_body;
use crate::pages::WebClient;
use crate::settings::{MetricsSettings, Settings};
use crate::{health, pages};

/// The maximum time for clients to receive the last bytes at shutdown, in seconds.
const SEND_GRACE_S: u64 = 5;

/// A running server.
pub struct RunningServer {
    addresses: Vec<SocketAddr>,
    handle: ServerHandle,
    server: Server,
    metrics: Option<Server>,
    services: Services,
}

/// Starts a server on `listener`. The server runs while [`RunningServer::run`] is polled. The metrics are on
/// `metrics_listener`, if there is one.
///
/// # Errors
/// When a listener fails.
pub fn serve(
    listener: TcpListener,
    metrics_listener: Option<TcpListener>,
    chat: Chat,
    web_client: &WebClient,
    settings: &Settings,
) -> io::Result<RunningServer> {
    let send_timeout = settings.limits.send_timeout;
    let metrics = match (metrics_listener, &settings.metrics) {
        (Some(listener), Some(metrics)) => {
            Some(serve_metrics(listener, &chat, metrics, send_timeout)?)
        }
        _ => None,
    };
    let public_metrics = settings.metrics.clone().filter(|_| metrics.is_none());
    let services = Services::new(chat, settings);
    let services_to_mount = services.clone();
    let web_client = web_client.clone();
    let base_path = settings.base_path();
    let workers = available_parallelism().map_or(1, NonZeroUsize::get);
    let max_connections = settings.max_tcp_connections.map_or(usize::MAX, |max| max / workers);

    let server = HttpServer::new(move || {
        let pages = |config: &mut ServiceConfig| {
            if let Some(settings) = &public_metrics {
                health::metrics_route(config, settings.clone());
            }
            pages::pages(config, &web_client);
        };
        let mut app = App::new();
        if !base_path.is_root() {
            let with_slash = base_path.with_slash();
            app = app.configure(services_to_mount.mount(base_path.as_str(), |config| {
                config.service(web::redirect("", with_slash));
                pages(config);
            }));
        }
        // A proxy may remove the base path, and probes don't use it.
        app.configure(services_to_mount.mount("", pages))
    })
    .on_connect(move |stream, _| set_send_timeout(stream, send_timeout))
    .workers(workers)
    // This is the limit per worker.
    .max_connections(max_connections.max(1))
    .tcp_nodelay(true)
    // Stop the work for a client that has closed its side of the connection.
    .h1_allow_half_closed(false)
    .shutdown_timeout(SEND_GRACE_S)
    .disable_signals()
    .listen(listener)?;
    let addresses = server.addrs();
    let server = server.run();
    Ok(RunningServer { addresses, handle: server.handle(), server, metrics, services })
}

fn serve_metrics(
    listener: TcpListener,
    chat: &Chat,
    settings: &MetricsSettings,
    send_timeout: Duration,
) -> io::Result<Server> {
    /// The maximum number of connections. Prometheus opens one or two.
    const MAX_CONNECTIONS: usize = 64;

    let (chat, settings) = (Data::new(chat.clone()), settings.clone());
    let error_log = Data::new(ErrorLog::default());
    let server = HttpServer::new(move || {
        let settings = settings.clone();
        App::new()
            .app_data(chat.clone())
            .app_data(error_log.clone())
            .configure(|config| health::metrics_route(config, settings))
            .wrap(from_fn(error_body))
    });
    let server = server.on_connect(move |stream, _| set_send_timeout(stream, send_timeout));
    let server = server.workers(1).max_connections(MAX_CONNECTIONS).disable_signals();
    Ok(server.listen(listener)?.run())
}

impl RunningServer {
    /// Returns the address that the server listens on.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.addresses.first().copied()
    }

    /// Serves until `stop` completes. Then asks clients to reconnect later, and closes their connections.
    ///
    /// # Errors
    /// When the server fails.
    pub async fn run(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let Self { handle, server, metrics, services, .. } = self;
        let metrics_handle = metrics.as_ref().map(Server::handle);
        let metrics = async {
            match metrics {
                Some(metrics) => metrics.await,
                None => pending().await,
            }
        };
        tokio::pin!(server, metrics);
        tokio::select! {
            result = &mut server => return result,
            result = &mut metrics => return result,
            () = stop => {}
        }
        let close = async {
            services.close().await;
            handle.stop(true).await;
        };
        let (result, ()) = tokio::join!(server, close);
        if let Some(handle) = metrics_handle {
            tokio::join!(handle.stop(false), metrics).1?;
        }
        result
    }
}

/// Makes the operating system close a connection whose peer has received nothing for `timeout`, and limits the
/// system's send buffer. Without this, a response to a dead peer would never end.
#[cfg(target_os = "linux")]
fn set_send_timeout(stream: &dyn Any, timeout: Duration) {
    /// The number of unsent bytes that the system buffers. Its default is several megabytes.
    const MAX_UNSENT_BYTES: u32 = 128 * 1024;

    let Some(stream) = stream.downcast_ref::<TcpStream>() else { return };
    let socket = SockRef::from(stream);
    let result = socket
        .set_tcp_user_timeout(Some(timeout))
        .and_then(|()| socket.set_tcp_notsent_lowat(MAX_UNSENT_BYTES));
    if let Err(error) = result {
        tracing::debug!(%error, "failed to set send timeout of connection");
    }
}

/// Does nothing. Other systems have no such option; their TCP timeouts close the connection.
#[cfg(not(target_os = "linux"))]
fn set_send_timeout(_: &dyn Any, _: Duration) {}
