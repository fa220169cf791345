use actix_session::SessionMiddleware;
use actix_session::storage::CookieSessionStore;
use actix_web::cookie::Key;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, ServiceConfig};
use tracing_actix_web::TracingLogger;
use webchat_chat::Chat;

use crate::error::api_error as error;
use crate::headers::security_headers;
use crate::middleware::origin::{self, Origins};
use crate::middleware::request_limits::{self, RequestLimits};
use crate::realtime::connections::Connections;
use crate::rest::transfer::imports::ImportLimit;
use crate::routes::routes;
use crate::server::Settings;
use crate::server::sessions;

/// All of Webchat but its page, for an actix application of your own. Clones share the live connections.
#[derive(Clone)]
pub struct Services {
    chat: Chat,
    connections: Connections,
    origins: Data<Origins>,
    import_limit: ImportLimit,
    request_limits: Data<RequestLimits>,
    key: Key,
    is_secure: bool,
}

impl Services {
    /// Services of which there is one set for each process, whatever the number of its workers.
    #[must_use]
    pub fn new(chat: Chat, settings: &Settings) -> Self {
        let public_url = settings.public_url.as_ref();
        Self {
            chat,
            connections: Connections::within(settings.limits),
            origins: Data::new(Origins::new(settings)),
            import_limit: ImportLimit(settings.max_import_bytes),
            request_limits: Data::new(RequestLimits::new(settings.requests_per_second)),
            key: Key::derive_from(&settings.secret_key),
            is_secure: public_url.is_some_and(|url| url.scheme() == "https"),
        }
    }

    /// Puts them under this path, with sessions, the check of origins and the bodies of errors of their
    /// own: `App::new().configure(services.under("/chat"))`. An empty path takes all that other
    /// services before it don't.
    pub fn under(&self, path: &str) -> impl FnOnce(&mut ServiceConfig) + use<> {
        let scope = web::scope(path)
            .configure(|config| self.configure(config))
            .wrap(from_fn(request_limits::check))
            .wrap(self.sessions())
            .wrap(from_fn(origin::check))
            .wrap(from_fn(error::bodies))
            .wrap(from_fn(origin::share))
            .wrap(security_headers())
            .wrap(TracingLogger::default());
        |config| {
            config.service(scope);
        }
    }

    /// Tells the live connections that the server goes away, and waits for them to close: after
    /// [`Chat::shutdown`], and before the server is stopped.
    pub async fn close(&self) {
        self.connections.close().await;
    }

    pub(crate) fn configure(&self, config: &mut ServiceConfig) {
        config
            .app_data(Data::new(self.chat.clone()))
            .app_data(Data::new(self.connections.clone()))
            .app_data(Data::new(self.import_limit))
            .app_data(self.origins.clone())
            .app_data(self.request_limits.clone())
            .configure(routes);
    }

    pub(crate) fn sessions(&self) -> SessionMiddleware<CookieSessionStore> {
        sessions(self.key.clone(), self.is_secure, self.chat.settings().session_ttl)
    }
}
