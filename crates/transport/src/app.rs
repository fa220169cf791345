//! All services, behind one middleware stack.

use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, ServiceConfig};
use tracing_actix_web::TracingLogger;
use webchat_chat::Chat;

use crate::base_path::BasePath;
use crate::error::log::ErrorLog;
use crate::extract::client_address::TrustedProxies;
use crate::extract::credential::sign_in_proxy::SignInProxy;
use crate::extract::new_users::NewUserLimiter;
use crate::extract::pending_sign_ins::PendingSignIns;
use crate::extract::upload::limits::UploadLimits;
use crate::health::Warnings;
use crate::middleware::body_limits::memory::BodyBudget;
use crate::middleware::body_limits::{limit_body, report_body_failure};
use crate::middleware::cache_control::forbid_caching;
use crate::middleware::connection::close_connection;
use crate::middleware::cors::cors;
use crate::middleware::error_body::error_body;
use crate::middleware::origin::{Origins, check_origin};
use crate::middleware::request_rate::{RequestRateLimiter, limit_request_rate};
use crate::middleware::request_span::RequestSpan;
use crate::middleware::response_memory::limit_response_memory;
use crate::middleware::security_headers::security_headers;
use crate::middleware::session_cookie::{SessionCookie, select_cookie};
use crate::middleware::timing::measure_request;
use crate::middleware::trace_span::trace_request;
use crate::openapi::document::ApiDocument;
use crate::pages::not_found::not_found_page;
use crate::realtime::connections::Connections;
use crate::rest::api_keys::KeyChangeRate;
use crate::rest::transfer::imports::ImportLimit;
use crate::routes::routes;
use crate::security_log::SecurityLog;
use crate::settings::{
    AuthMode, ContinueTrace, EffectiveSettings, PasswordSignIn, PublicUrl, Settings, SignUp,
};

/// All of Webchat except its page, for mounting in an actix application. Clones share the live connections.
#[derive(Clone)]
pub struct Services {
    chat: Chat,
    connections: Connections,
    origins: Data<Origins>,
    trusted_proxies: Data<TrustedProxies>,
    import_limit: ImportLimit,
    request_rate_limiter: Data<RequestRateLimiter>,
    new_user_limiter: Data<NewUserLimiter>,
    upload_limits: Data<UploadLimits>,
    body_budget: Data<BodyBudget>,
    auth: Data<AuthMode>,
    password_sign_in: Data<PasswordSignIn>,
    pending_sign_ins: Data<PendingSignIns>,
    key_change_rate: Data<KeyChangeRate>,
    public_url: Data<PublicUrl>,
    sign_up: Data<SignUp>,
    sign_in_proxy: Data<Option<SignInProxy>>,
    cookie: Data<SessionCookie>,
    base_path: Data<BasePath>,
    api_document: Data<ApiDocument>,
    warnings: Data<Warnings>,
    effective_settings: Data<EffectiveSettings>,
    security_log: SecurityLog,
    error_log: ErrorLog,
    is_secure: bool,
    continue_trace: Option<ContinueTrace>,
}

impl Services {
    /// Creates the services. Call it once per process: all workers share them.
    #[must_use]
    pub fn new(chat: Chat, settings: &Settings) -> Self {
        let public_url = settings.public_url.as_ref();
        let is_secure = public_url.is_some_and(|url| url.scheme() == "https");
        let base_path = settings.base_path();
        let (security_log, error_log) = (SecurityLog::default(), ErrorLog::default());
        Self {
            chat,
            connections: Connections::new(settings.limits, security_log.clone(), error_log.clone()),
            origins: Data::new(Origins::new(settings)),
            trusted_proxies: Data::new(TrustedProxies(settings.trusted_proxies.clone())),
            import_limit: ImportLimit(settings.max_import_bytes),
            request_rate_limiter: Data::new(RequestRateLimiter::new(
                settings.requests_per_second,
                settings.requests_per_second_per_network,
            )),
            new_user_limiter: Data::new(NewUserLimiter::new(
                settings.new_users_per_minute_per_network,
                settings.new_users_per_minute,
            )),
            upload_limits: Data::default(),
            body_budget: Data::default(),
            auth: Data::new(settings.auth),
            password_sign_in: Data::new(PasswordSignIn(settings.password_sign_in)),
            pending_sign_ins: Data::new(PendingSignIns::new(
                &settings.secret_key,
                is_secure,
                &base_path,
            )),
            key_change_rate: Data::default(),
            public_url: Data::new(PublicUrl(settings.public_url.clone())),
            sign_up: Data::new(settings.sign_up.clone()),
            sign_in_proxy: Data::new(settings.sign_in_proxy.clone()),
            cookie: Data::new(SessionCookie::new(
                &settings.secret_key,
                is_secure,
                base_path.clone(),
            )),
            base_path: Data::new(base_path.clone()),
            api_document: Data::new(ApiDocument::new(base_path)),
            warnings: Data::new(Warnings(settings.warnings.clone())),
            effective_settings: Data::new(settings.effective.clone()),
            security_log,
            error_log,
            is_secure,
            continue_trace: settings.continue_trace.clone(),
        }
    }

    /// Mounts the services at `path`, including their sessions, origin check and error bodies:
    /// `App::new().configure(services.under("/chat"))`. With an empty path they receive every request that no
    /// earlier service matches.
    pub fn under(&self, path: &str) -> impl FnOnce(&mut ServiceConfig) + use<> {
        self.mount(path, |_: &mut ServiceConfig| {})
    }

    /// Mounts the services and `extra` at `path`, behind the middleware stack.
    pub(crate) fn mount<F: FnOnce(&mut ServiceConfig)>(
        &self,
        path: &str,
        extra: F,
    ) -> impl FnOnce(&mut ServiceConfig) + use<F> {
        let continue_trace = self.continue_trace.clone();
        // The middleware that is added last runs first.
        let scope = web::scope(path)
            .configure(|config| self.configure(config))
            .configure(extra)
            .wrap(from_fn(limit_request_rate))
            .wrap(self.cookie.middleware(self.chat.settings().session_ttl))
            .wrap(from_fn(select_cookie))
            .wrap(from_fn(check_origin))
            .wrap(from_fn(report_body_failure))
            .wrap(from_fn(limit_response_memory))
            .wrap(from_fn(error_body))
            .wrap(from_fn(not_found_page))
            .wrap(from_fn(limit_body))
            .wrap(from_fn(cors))
            .wrap(from_fn(forbid_caching))
            .wrap(security_headers(self.is_secure))
            .wrap(from_fn(close_connection))
            .wrap(from_fn(measure_request))
            .wrap(from_fn(move |request, next| {
                trace_request(request, next, continue_trace.clone())
            }))
            .wrap(TracingLogger::<RequestSpan>::new());
        |config| {
            config.service(scope);
        }
    }

    /// Notifies clients of the restart, and waits until their connections are closed. Call this after
    /// [`Chat::shutdown`] and before the server is stopped.
    pub async fn close(&self) {
        self.connections.close().await;
    }

    fn configure(&self, config: &mut ServiceConfig) {
        config
            .app_data(Data::new(self.chat.clone()))
            .app_data(Data::new(self.connections.clone()))
            .app_data(Data::new(self.import_limit))
            .app_data(self.origins.clone())
            .app_data(self.trusted_proxies.clone())
            .app_data(self.auth.clone())
            .app_data(self.password_sign_in.clone())
            .app_data(self.pending_sign_ins.clone())
            .app_data(self.key_change_rate.clone())
            .app_data(self.public_url.clone())
            .app_data(self.sign_up.clone())
            .app_data(self.sign_in_proxy.clone())
            .app_data(self.cookie.clone())
            .app_data(self.base_path.clone())
            .app_data(self.api_document.clone())
            .app_data(self.warnings.clone())
            .app_data(self.effective_settings.clone())
            .app_data(Data::new(self.security_log.clone()))
            .app_data(Data::new(self.error_log.clone()))
            .app_data(self.request_rate_limiter.clone())
            .app_data(self.new_user_limiter.clone())
            .app_data(self.upload_limits.clone())
            .app_data(self.body_budget.clone())
            .configure(routes);
    }
}
