//! Replaces the export of traces in a binary without the feature `otlp`. Its settings reject an endpoint.

use webchat_llm::RequestHeaders;
use webchat_transport::ContinueTrace;

use super::layer::BoxedLayer;
use crate::TraceSettings;

/// The export of traces, which this binary does not have.
pub struct Traces;

impl Traces {
    /// Does nothing.
    ///
    /// # Errors
    /// None.
    pub fn start(_settings: &TraceSettings) -> std::io::Result<Option<Self>> {
        Ok(None)
    }

    #[expect(clippy::unused_self, reason = "has the signature of the real export")]
    pub(crate) fn layer(&self) -> BoxedLayer {
        Box::new(tracing_subscriber::layer::Identity::new())
    }

    /// Does nothing.
    #[expect(clippy::unused_async, reason = "has the signature of the real export")]
    pub async fn shutdown(self) {}
}

pub(crate) fn continue_trace(_settings: &TraceSettings) -> Option<ContinueTrace> {
    None
}

pub(crate) fn request_headers(_settings: &TraceSettings) -> Option<RequestHeaders> {
    None
}
