//! Exports traces over OTLP.

mod exporter;
mod propagation;

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, ParentBasedSampler, Sampler, SdkTracerProvider,
};
use tokio::task::spawn_blocking;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::{Layer, Registry};
use webchat_domain::TRACE_TARGET;
use webchat_llm::SetupError;

use self::exporter::LimitedExporter;
pub(crate) use self::propagation::{continue_trace, request_headers};
use crate::TraceSettings;

/// The maximum number of spans that wait for their export. Further ones are dropped.
const MAX_QUEUED_SPANS: usize = 4096;

/// The maximum number of spans in one export.
const MAX_BATCH_SPANS: usize = 512;

/// How often spans are exported.
const EXPORT_INTERVAL: Duration = Duration::from_secs(2);

/// How long the last export may take at shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// Receives spans.
pub(crate) type TraceLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// The export of traces, until [`Traces::shutdown`].
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Prepares the export, or returns `None` if the settings have no endpoint. The receiver need not be available.
    /// Must be called on a Tokio runtime.
    ///
    /// # Errors
    /// If the endpoint can't be used.
    pub fn start(settings: &TraceSettings) -> Result<Option<Self>, SetupError> {
        let Some(endpoint) = &settings.endpoint else { return Ok(None) };
        let exporter = LimitedExporter::new(endpoint, settings.headers())?;
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(MAX_QUEUED_SPANS)
            .with_max_export_batch_size(MAX_BATCH_SPANS)
            .with_scheduled_delay(EXPORT_INTERVAL)
            .build();
        let batches = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
        let resource = Resource::builder()
            .with_service_name(settings.service_name.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(batches)
            .with_sampler(sampler(settings.sample_ratio))
            .with_resource(resource)
            .build();
        Ok(Some(Self(provider)))
    }

    /// Returns the layer that makes traces of the spans that are meant for them.
    pub(crate) fn layer(&self) -> TraceLayer {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("webchat"))
            .with_context_activation(false)
            .with_tracked_inactivity(false)
            .with_threads(false)
            .with_location(false)
            .with_target(false)
            .with_filter(filter_fn(|metadata| metadata.target() == TRACE_TARGET))
            .boxed()
    }

    /// Exports the remaining spans, as far as there is time.
    pub async fn shutdown(self) {
        let provider = self.0;
        let shutdown = move || provider.shutdown_with_timeout(SHUTDOWN_TIMEOUT);
        if !matches!(spawn_blocking(shutdown).await, Ok(Ok(()))) {
            tracing::warn!("failed to export the last traces");
        }
    }
}

/// Clients choose the ids and flags of their traces. They can't have more of them exported than the ratio allows.
fn sampler(ratio: f64) -> ParentBasedSampler {
    let by_id = Sampler::TraceIdRatioBased(ratio);
    Sampler::parent_based(by_id.clone()).with_remote_parent_sampled(by_id)
}
