//! Sends batches of spans to the collector, with a time limit, and logs failures.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::{KeyValue, Value};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::runtime::Handle;
use tokio::time::timeout;
use url::Url;
use webchat_chat::SharedLogLimiter;
use webchat_llm::{HttpSettings, http_client};

/// The maximum time for an export.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// An attribute that is a list in OpenTelemetry's conventions. A field of a `tracing` span can't be a list.
const FINISH_REASONS: &str = "gen_ai.response.finish_reasons";

/// An exporter that runs on the Tokio runtime: the SDK's batch thread has none.
pub(super) struct RuntimeExporter {
    exporter: Arc<opentelemetry_otlp::SpanExporter>,
    runtime: Handle,
    failures: SharedLogLimiter<String>,
}

impl RuntimeExporter {
    pub(super) fn new(
        endpoint: &Url,
        headers: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let client = http_client(&HttpSettings::new(endpoint.clone()))?;
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(traces_url(endpoint))
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(EXPORT_TIMEOUT)
            .with_headers(headers.collect())
            .build()?;
        let exporter = Arc::new(exporter);
        Ok(Self { exporter, runtime: Handle::current(), failures: SharedLogLimiter::default() })
    }

    fn log(&self, error: &OTelSdkError) {
        let log_rest = |cause, count| tracing::warn!(cause, count, "further trace exports failed");
        if let Some(cause) = self.failures.count(|_| error.to_string(), log_rest) {
            tracing::warn!(cause, "failed to export traces");
        }
    }
}

impl SpanExporter for RuntimeExporter {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        batch.iter_mut().flat_map(|span| &mut span.attributes).for_each(convert_finish_reasons);
        let exporter = Arc::clone(&self.exporter);
        let export = async move { timeout(EXPORT_TIMEOUT, exporter.export(batch)).await };
        let result = match self.runtime.spawn(export).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(OTelSdkError::Timeout(EXPORT_TIMEOUT)),
            Err(error) => Err(OTelSdkError::InternalFailure(error.to_string())),
        };
        result.inspect_err(|error| self.log(error))
    }

    /// The batch thread calls this before the first export.
    fn set_resource(&mut self, resource: &Resource) {
        if let Some(exporter) = Arc::get_mut(&mut self.exporter) {
            exporter.set_resource(resource);
        }
    }
}

impl fmt::Debug for RuntimeExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RuntimeExporter")
    }
}

/// Returns the URL for traces. A path of the endpoint is kept.
fn traces_url(endpoint: &Url) -> String {
    let mut url = endpoint.clone();
    url.set_path(&format!("{}/v1/traces", endpoint.path().trim_end_matches('/')));
    url.into()
}

/// Converts the finish reason from a string to a list.
fn convert_finish_reasons(attribute: &mut KeyValue) {
    if attribute.key.as_str() == FINISH_REASONS
        && let Value::String(text) = &attribute.value
    {
        attribute.value = Value::Array(vec![text.clone()].into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_for_traces_is_added_to_the_endpoint() {
        for (endpoint, expected) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("https://otlp.example/otlp/", "https://otlp.example/otlp/v1/traces"),
        ] {
            assert_eq!(traces_url(&endpoint.parse().unwrap()), expected);
        }
    }
}
