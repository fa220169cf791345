//! The span of a request to the model, for traces.

use futures_util::StreamExt;
use tracing::field::Empty;
use tracing::{Span, info_span};
use url::Url;
use webchat_domain::TRACE_TARGET;

use super::reported_model::ReportedModel;
use crate::credentials::key::is_azure;
use crate::{ChatRequest, Delta, DeltaStream, HttpSettings, ModelError};

/// The maximum length of a model's name, which the upstream chooses.
const MAX_NAME_BYTES: usize = 128;

/// The span of a request, from sending it to the end of its answer. It has no texts. Its fields are the attributes of
/// <https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/>.
pub(crate) struct RequestSpan(Span);

impl RequestSpan {
    pub(crate) fn start(request: &ChatRequest) -> Self {
        Self(info_span!(
            target: TRACE_TARGET,
            "chat",
            otel.name = Empty,
            otel.kind = "client",
            otel.status_code = Empty,
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = Empty,
            gen_ai.request.model = Empty,
            gen_ai.request.max_tokens = request.answer_limit.requested().map(i64::from),
            gen_ai.response.model = Empty,
            gen_ai.response.finish_reasons = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.cache_read.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            server.address = Empty,
            server.port = Empty,
            error.type = Empty,
        ))
    }

    pub(crate) fn span(&self) -> &Span {
        &self.0
    }

    /// Records the upstream to which the request is sent. If it is sent to several, the last one counts.
    pub(crate) fn record_upstream(&self, settings: &HttpSettings) {
        let model = settings.model.as_deref().or_else(|| deployment(&settings.url));
        self.0.record("otel.name", model.map(|model| format!("chat {model}")));
        self.0.record("gen_ai.request.model", model);
        self.0.record("gen_ai.provider.name", provider(&settings.url));
        self.0.record("server.address", settings.url.host_str());
        self.0.record("server.port", settings.url.port_or_known_default().map(i64::from));
    }

    /// Records the end of the request: what the stream of its answer says.
    pub(crate) fn observe(self, answer: DeltaStream, model: &ReportedModel) -> DeltaStream {
        if self.0.is_disabled() {
            return answer;
        }
        let model = model.clone();
        answer.inspect(move |delta| self.record(delta, &model)).boxed()
    }

    /// Records that the request failed. Returns the error.
    pub(crate) fn fail(self, error: ModelError) -> ModelError {
        self.record_error(&error);
        error
    }

    fn record(&self, delta: &Result<Delta, ModelError>, model: &ReportedModel) {
        match delta {
            Ok(Delta::Finished(reason)) => {
                self.0.record("gen_ai.response.finish_reasons", reason.as_str());
                let name = model.get().filter(|name| name.len() <= MAX_NAME_BYTES);
                self.0.record("gen_ai.response.model", name);
            }
            Ok(Delta::Usage(usage)) => {
                self.0.record("gen_ai.usage.input_tokens", i64::from(usage.prompt_tokens));
                let cached = usage.cached_tokens.map(i64::from);
                self.0.record("gen_ai.usage.cache_read.input_tokens", cached);
                self.0.record("gen_ai.usage.output_tokens", i64::from(usage.completion_tokens));
            }
            Ok(Delta::Reasoning(_) | Delta::Text(_) | Delta::Filtered(_)) => {}
            Err(error) => self.record_error(error),
        }
    }

    fn record_error(&self, error: &ModelError) {
        self.0.record("error.type", error.code());
        self.0.record("otel.status_code", "ERROR");
    }
}

impl Drop for RequestSpan {
    /// A trace takes the time at which a span is left last as its end.
    fn drop(&mut self) {
        self.0.in_scope(|| {});
    }
}

fn provider(url: &Url) -> &'static str {
    if is_azure(url) { "azure.ai.openai" } else { "openai" }
}

/// Returns the deployment in an address of Azure, which selects the model.
fn deployment(url: &Url) -> Option<&str> {
    let mut segments = url.path_segments()?;
    segments.find(|segment| *segment == "deployments")?;
    segments.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deployment_of_azure_is_the_model() {
        for (url, expected) in [
            ("https://a.openai.azure.com/openai/deployments/gpt/chat/completions", Some("gpt")),
            ("https://a.openai.azure.com/openai/v1/chat/completions", None),
        ] {
            assert_eq!(deployment(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
