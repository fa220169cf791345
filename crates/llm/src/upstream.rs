use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, NoProxy, Proxy, Response, redirect};
use tokio::time::{Instant, timeout};

use crate::answer::{ReportedName, answer};
use crate::dialect::Dialect;
use crate::fault::{Fault, FaultKind};
use crate::refusal::Refusal;
use crate::request::{Body, is_loopback, key_header};
use crate::tls::client_config;
use crate::wait::asked_wait;
use crate::{ChatRequest, DeltaStream, HttpSettings, ProxySettings, SetupError};

/// An error's body is read so far, and so long: more would tell nothing.
const LARGEST_REFUSAL: usize = 64 * 1024;
const LONGEST_REFUSAL: Duration = Duration::from_secs(2);

/// So many fields can be given up in one request.
const LESSONS: usize = 2;

/// The upstream as it is asked once.
pub(crate) struct Upstream {
    client: Client,
    pub(crate) settings: HttpSettings,
    key: Option<(HeaderName, HeaderValue)>,
    dialect: Mutex<Dialect>,
    pub(crate) reported: ReportedName,
}

impl Upstream {
    pub(crate) fn new(settings: HttpSettings) -> Result<Self, SetupError> {
        if !matches!(settings.url.scheme(), "http" | "https") {
            return Err(SetupError::Url);
        }
        let key = match &settings.api_key {
            Some(key) => key_header(settings.auth, &settings.url, key),
            None => Ok(None),
        };
        Ok(Self {
            key: key.map_err(|_| SetupError::Key)?,
            client: client(&settings)?,
            dialect: Mutex::new(Dialect::new(settings.tokens_field)),
            settings,
            reported: ReportedName::default(),
        })
    }

    /// The answer, when it begins.
    pub(crate) async fn ask(&self, request: &ChatRequest) -> Result<DeltaStream, Fault> {
        let asked = Instant::now();
        let timeouts = self.settings.timeouts;
        let response = timeout(timeouts.first_delta, self.send_as_understood(request))
            .await
            .map_err(|elapsed| Fault::unreachable(FaultKind::Silent, elapsed))??;
        answer(response.bytes_stream(), asked, timeouts, self.reported.clone()).await
    }

    /// Sends the request, and at once again without a field that the upstream does not know. What it
    /// does not know is remembered.
    async fn send_as_understood(&self, request: &ChatRequest) -> Result<Response, Fault> {
        let mut lessons = 0;
        loop {
            let dialect = *self.dialect.lock().unwrap_or_else(PoisonError::into_inner);
            let response = self.send(request, dialect).await?;
            if response.status().is_success() && !is_document(&response) {
                return Ok(response);
            }
            let wait = asked_wait(response.status(), response.headers());
            let refusal = refusal(response).await;
            let better = refusal.unknown_field().and_then(|unknown| dialect.without(unknown));
            let Some(better) = better.filter(|_| lessons < LESSONS) else {
                return Err(refusal.into_fault(wait));
            };
            tracing::info!(unknown = refusal.unknown_field(), "the upstream does not know a field");
            *self.dialect.lock().unwrap_or_else(PoisonError::into_inner) = better;
            lessons += 1;
        }
    }

    async fn send(&self, request: &ChatRequest, dialect: Dialect) -> Result<Response, Fault> {
        let mut builder = self
            .client
            .post(self.settings.url.clone())
            .header(ACCEPT, "text/event-stream")
            .json(&Body::new(&self.settings, dialect, request));
        if let Some((name, value)) = &self.key {
            builder = builder.header(name, value);
        }
        let sent = builder.send().await;
        sent.map_err(|error| Fault::unreachable(FaultKind::Broken, error.without_url()))
    }
}

fn client(settings: &HttpSettings) -> Result<Client, SetupError> {
    let tls = client_config(&settings.url).map_err(|error| SetupError::Tls(error.into()))?;
    let mut builder = Client::builder()
        .user_agent(concat!("webchat/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls)
        .connect_timeout(settings.timeouts.connect)
        .redirect(redirect::Policy::none())
        .tcp_nodelay(true)
        // Not those of the environment: only who runs a program knows whether they are meant.
        .no_proxy();
    if let Some(on_the_way) = &settings.proxy
        && !is_loopback(&settings.url)
    {
        builder = builder.proxy(proxy(on_the_way)?);
    }
    builder.build().map_err(|error| SetupError::Tls(error.into()))
}

/// What is no proxy would be passed by, in silence.
fn proxy(settings: &ProxySettings) -> Result<Proxy, SetupError> {
    const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
    if !SCHEMES.contains(&settings.url.scheme()) {
        return Err(SetupError::Proxy);
    }
    let proxy = Proxy::all(settings.url.as_str()).map_err(|_| SetupError::Proxy)?;
    Ok(proxy.no_proxy(NoProxy::from_string(&settings.except)))
}

/// Whether a successful response is certainly no stream: an error with the wrong status, or the page
/// of something that is no model at all.
fn is_document(response: &Response) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE);
    content_type
        .and_then(|value| value.to_str().ok())
        .map(str::to_ascii_lowercase)
        .is_some_and(|value| value.contains("json") || value.contains("html"))
}

async fn refusal(mut response: Response) -> Refusal {
    let status = response.status();
    let mut body = Vec::new();
    let reading = async {
        while body.len() < LARGEST_REFUSAL
            && let Ok(Some(part)) = response.chunk().await
        {
            body.extend_from_slice(&part);
        }
    };
    // A body that breaks off is judged by what came of it; the status alone tells most.
    let _ = timeout(LONGEST_REFUSAL, reading).await;
    Refusal::in_response(status, &body)
}
