use std::any::Any;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_session::SessionMiddleware;
use actix_session::config::PersistentSession;
use actix_session::storage::CookieSessionStore;
use actix_web::cookie::{Key, SameSite};
use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
#[cfg(target_os = "linux")]
use actix_web::rt::net::TcpStream;
use actix_web::{App, HttpServer, cookie};
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tracing_actix_web::TracingLogger;
use url::Url;
use webchat_chat::Chat;

use crate::app::Services;
use crate::error::api_error as error;
use crate::headers::security_headers;
use crate::health;
use crate::middleware::origin;
use crate::middleware::request_limits;
use crate::pages;
use crate::realtime::limits::Limits;

/// How long connections have to take their last bytes when the server goes away, in seconds.
const LAST_BYTES_S: u64 = 5;

/// What the operator decides about the server.
#[derive(Clone)]
pub struct Settings {
    /// Signs and encrypts the session cookie: at least 32 bytes, the same on all instances.
    pub secret_key: Vec<u8>,
    /// Where users find the server, if that is not where it listens. `https` makes the cookie secure.
    pub public_url: Option<Url>,
    /// Further origins whose pages may use the server.
    pub allowed_origins: Vec<Url>,
    /// The folder of the built page.
    pub web_dir: PathBuf,
    /// The most bytes that a file of conversations may have which is brought here.
    pub max_import_bytes: u64,
    /// Requests that one session may make, and four times as many in a burst; `None`: any number.
    pub requests_per_second: Option<NonZeroU32>,
    /// What live connections may take.
    pub limits: Limits,
    /// What `GET /metrics` answers; without it, there is no such route.
    pub metrics: Option<Metrics>,
}

/// Writes the metrics as they are now, in Prometheus' text format.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// A server that runs.
pub struct RunningServer {
    addresses: Vec<SocketAddr>,
    handle: ServerHandle,
    server: actix_web::dev::Server,
    services: Services,
}

/// Starts to serve on `listener`. The server runs while [`RunningServer::run`] is polled.
///
/// # Errors
/// When the listener can't be used.
pub fn serve(listener: TcpListener, chat: Chat, settings: &Settings) -> io::Result<RunningServer> {
    let services = Services::new(chat, settings);
    let closing = services.clone();
    let web_dir = settings.web_dir.clone();
    let metrics = settings.metrics.clone();
    let slowest = settings.limits.slowest;

    let server = HttpServer::new(move || {
        App::new()
            .configure(|config| services.configure(config))
            .configure(|config| health::metrics(config, metrics.clone()))
            .configure(|config| pages::pages(config, &web_dir))
            .wrap(from_fn(request_limits::check))
            .wrap(services.sessions())
            .wrap(from_fn(origin::check))
            .wrap(from_fn(error::bodies))
            .wrap(from_fn(origin::share))
            .wrap(security_headers())
            .wrap(TracingLogger::default())
    })
    .on_connect(move |stream, _| cut_off(stream, slowest))
    .tcp_nodelay(true)
    .shutdown_timeout(LAST_BYTES_S)
    .disable_signals()
    .listen(listener)?;
    let addresses = server.addrs();
    let server = server.run();
    Ok(RunningServer { addresses, handle: server.handle(), server, services: closing })
}

impl RunningServer {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.addresses.first().copied()
    }

    /// Serves until `stop` ends; then tells the connections to come back later, and closes them.
    ///
    /// # Errors
    /// When the server fails.
    pub async fn run(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let Self { handle, server, services, .. } = self;
        let serving = server;
        tokio::pin!(serving);
        tokio::select! {
            ended = &mut serving => return ended,
            () = stop => {}
        }
        let closing = async {
            services.close().await;
            handle.stop(true).await;
        };
        let (ended, ()) = tokio::join!(serving, closing);
        ended
    }
}

/// Has the system end a connection whose other side takes nothing for so long, and keep little for
/// it meanwhile. An answer that is written to nobody would otherwise wait for ever.
#[cfg(target_os = "linux")]
fn cut_off(stream: &dyn Any, slowest: Duration) {
    /// Bytes that wait to be sent, of which the system would take megabytes.
    const UNSENT: u32 = 128 * 1024;

    let Some(stream) = stream.downcast_ref::<TcpStream>() else { return };
    let socket = SockRef::from(stream);
    let set = socket
        .set_tcp_user_timeout(Some(slowest))
        .and_then(|()| socket.set_tcp_notsent_lowat(UNSENT));
    if let Err(error) = set {
        tracing::debug!(%error, "a connection may be slow for long");
    }
}

/// Other systems have nothing alike: there, the other side's system ends the connection.
#[cfg(not(target_os = "linux"))]
fn cut_off(_: &dyn Any, _: Duration) {}

pub(crate) fn sessions(
    key: Key,
    secure: bool,
    ttl: Duration,
) -> SessionMiddleware<CookieSessionStore> {
    let ttl = cookie::time::Duration::try_from(ttl).unwrap_or(cookie::time::Duration::MAX);
    SessionMiddleware::builder(CookieSessionStore::default(), key)
        .cookie_name("webchat_session".to_owned())
        .cookie_http_only(true)
        .cookie_same_site(SameSite::Lax)
        .cookie_secure(secure)
        .session_lifecycle(PersistentSession::default().session_ttl(ttl))
        .build()
}
