//! Exports traces over OTLP.

mod exporter;
mod propagation;

use std::io;
use std::time::Duration;

use opentelemetry::trace::{Link, SpanKind, TraceId, TraceState, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, ParentBasedSampler, Sampler, SamplingDecision,
    SamplingResult, SdkTracerProvider, ShouldSample,
};
use tokio::task::spawn_blocking;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use webchat_domain::TRACE_TARGET;

use self::exporter::RuntimeExporter;
pub(crate) use self::propagation::{continue_trace, request_headers};
use super::layer::BoxedLayer;
use crate::TraceSettings;

/// The maximum number of spans that wait for their export. Further ones are dropped.
const MAX_QUEUED_SPANS: usize = 4096;

/// The maximum number of spans in one export.
const MAX_BATCH_SPANS: usize = 512;

/// The interval at which spans are exported.
const EXPORT_INTERVAL: Duration = Duration::from_secs(2);

/// The maximum time for the last export at shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// The export of traces, until [`Traces::shutdown`].
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Starts the export, or returns `None` if the settings have no endpoint. The collector need not be available.
    ///
    /// # Errors
    /// If the HTTP client can't be created, or if OpenTelemetry rejects the configuration.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn start(settings: &TraceSettings) -> io::Result<Option<Self>> {
        let Some(endpoint) = &settings.endpoint else { return Ok(None) };
        let exporter = RuntimeExporter::new(&endpoint.0, settings.headers()).map_err(|error| {
            io::Error::other(format!("can't start the export of traces: {error}"))
        })?;
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

    /// Returns the layer that records the spans for traces.
    pub(crate) fn layer(&self) -> BoxedLayer {
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

    /// Exports the remaining spans, for at most three seconds. Logs a warning if some of them were not exported.
    pub async fn shutdown(self) {
        let provider = self.0;
        let shutdown = move || provider.shutdown_with_timeout(SHUTDOWN_TIMEOUT);
        if !matches!(spawn_blocking(shutdown).await, Ok(Ok(()))) {
            tracing::warn!("failed to export the last traces");
        }
    }
}

fn sampler(ratio: f64) -> ParentBasedSampler {
    let random = RandomSampler { ratio };
    Sampler::parent_based(random.clone()).with_remote_parent_sampled(random)
}

/// Samples this fraction of all traces, from 0 to 1. Unlike the SDK's sampler, it doesn't decide by the trace's id:
/// clients choose the id, and could have all of their traces exported.
#[derive(Clone, Debug)]
struct RandomSampler {
    ratio: f64,
}

impl ShouldSample for RandomSampler {
    fn should_sample(
        &self,
        _parent: Option<&Context>,
        _trace_id: TraceId,
        _name: &str,
        _kind: &SpanKind,
        _attributes: &[KeyValue],
        _links: &[Link],
    ) -> SamplingResult {
        let is_sampled = fastrand::f64() < self.ratio;
        let decision =
            if is_sampled { SamplingDecision::RecordAndSample } else { SamplingDecision::Drop };
        SamplingResult { decision, attributes: Vec::new(), trace_state: TraceState::NONE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_cannot_choose_which_traces_are_exported() {
        let sampler = RandomSampler { ratio: 0.1 };
        let chosen_id = TraceId::from_bytes([1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);

        let decisions = (0..10_000).map(|_| {
            sampler.should_sample(None, chosen_id, "", &SpanKind::Server, &[], &[]).decision
        });

        let exported =
            decisions.filter(|decision| *decision == SamplingDecision::RecordAndSample).count();
        assert!((500..2_000).contains(&exported), "{exported} of 10 000");
    }
}
