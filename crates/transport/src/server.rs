use std::any::Any;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
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
use actix_web::{App, HttpServer, cookie, web};
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tracing_actix_web::TracingLogger;
use url::Url;
use webchat_chat::Chat;

use crate::headers::security_headers;
use crate::origin::Origins;
use crate::realtime::{Connections, Limits};
use crate::{error, health, origin, pages, routes};

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
    connections: Connections,
}

/// Starts to serve on `listener`. The server runs while [`RunningServer::run`] is polled.
///
/// # Errors
/// When the listener can't be used.
pub fn serve(listener: TcpListener, chat: Chat, settings: &Settings) -> io::Result<RunningServer> {
    let connections = Connections::within(settings.limits);
    let sockets = connections.clone();
    let origins = web::Data::new(Origins::new(settings));
    let key = Key::derive_from(&settings.secret_key);
    let secure = settings.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
    let session_ttl = chat.settings().session_ttl;
    let web_dir = settings.web_dir.clone();
    let metrics = settings.metrics.clone();
    let slowest = settings.limits.slowest;

    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(chat.clone()))
            .app_data(web::Data::new(sockets.clone()))
            .app_data(origins.clone())
            .configure(routes)
            .configure(|config| health::metrics(config, metrics.clone()))
            .configure(|config| pages::pages(config, &web_dir))
            .wrap(sessions(key.clone(), secure, session_ttl))
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
    Ok(RunningServer { addresses, handle: server.handle(), server, connections })
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
        let Self { handle, server, connections, .. } = self;
        let serving = server;
        tokio::pin!(serving);
        tokio::select! {
            ended = &mut serving => return ended,
            () = stop => {}
        }
        let closing = async {
            connections.close().await;
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

fn sessions(key: Key, secure: bool, ttl: Duration) -> SessionMiddleware<CookieSessionStore> {
    let ttl = cookie::time::Duration::try_from(ttl).unwrap_or(cookie::time::Duration::MAX);
    SessionMiddleware::builder(CookieSessionStore::default(), key)
        .cookie_name("webchat_session".to_owned())
        .cookie_http_only(true)
        .cookie_same_site(SameSite::Lax)
        .cookie_secure(secure)
        .session_lifecycle(PersistentSession::default().session_ttl(ttl))
        .build()
}
