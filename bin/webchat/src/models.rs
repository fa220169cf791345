//! Creates the models from the settings.

use std::sync::Arc;

use webchat_chat::Model;
use webchat_domain::ModelId;
use webchat_llm::{
    Auth, DeploymentSettings, HttpChatModel, HttpSettings, RequestHeaders, TokenSource,
};
use webchat_tokens::TokenCounter;

use crate::error::StartError;
use crate::settings::{DeploymentEntry, ModelEntry, Settings, window_tokens};

/// What the requests to all models have in common.
struct Common {
    request_headers: Option<RequestHeaders>,
    token_source: Option<Arc<dyn TokenSource>>,
}

impl Common {
    fn http(&self, auth: Auth, http: HttpSettings) -> HttpSettings {
        let token_source = self.token_source.clone().filter(|_| auth == Auth::Entra);
        HttpSettings { auth, token_source, request_headers: self.request_headers.clone(), ..http }
    }
}

/// Returns the models of the settings. Requests the first access tokens in the background. Must be called within a
/// runtime of Tokio.
///
/// # Errors
/// If a client can't be set up.
pub(crate) fn models(
    settings: &Settings,
    request_headers: Option<RequestHeaders>,
) -> Result<Vec<Model>, StartError> {
    let token_source = settings.token_source()?;
    if let Some(source) = &token_source {
        let (credential, scope) = (source.description(), &settings.entra.scope);
        tracing::info!(credential, scope, "using access tokens of Entra ID for the model");
    }
    let common = Common { request_headers, token_source };
    let entries = settings.models.iter();
    let mut models =
        entries.map(|entry| model(settings, entry, &common)).collect::<Result<Vec<_>, _>>()?;
    if let Some(http) = settings.model.http() {
        models.push(only_model(settings, http, &common)?);
    }
    Ok(models)
}

fn only_model(
    settings: &Settings,
    http: HttpSettings,
    common: &Common,
) -> Result<Model, StartError> {
    let model = &settings.model;
    let client = HttpChatModel::new(common.http(model.auth, http))?;
    client.prefetch_tokens();
    Ok(Model {
        id: ModelId::from_name(model.name.as_deref().unwrap_or("default")),
        name: None,
        client: Arc::new(client),
        tokens: model.name.as_deref().map(token_counter),
        window_tokens: window_tokens(model.max_tokens, model.name.as_deref()),
        reply_tokens: model.reply_tokens,
        groups: Vec::new(),
    })
}

fn model(settings: &Settings, entry: &ModelEntry, common: &Common) -> Result<Model, StartError> {
    let deployment = |(number, deployment): (usize, &DeploymentEntry)| DeploymentSettings {
        name: match &deployment.name {
            Some(name) => format!("{}/{name}", entry.id),
            None => format!("{}/{number}", entry.id),
        },
        order: deployment.order,
        weight: deployment.weight,
        http: common.http(
            deployment.auth,
            HttpSettings {
                api_key: deployment.api_key.clone(),
                model: deployment.model.clone(),
                tokens_field: deployment.tokens_field,
                parameters: entry.parameters(),
                ..settings.model.http_at(&deployment.url.0)
            },
        ),
    };
    let deployments = (1..).zip(&entry.deployments).map(deployment);
    let client = HttpChatModel::with_deployments(deployments.collect())?;
    client.prefetch_tokens();
    Ok(Model {
        id: entry.id.clone(),
        name: Some(entry.name.clone().unwrap_or_else(|| entry.id.to_string())),
        client: Arc::new(client),
        tokens: Some(token_counter(entry.known_as())),
        window_tokens: window_tokens(entry.window, Some(entry.known_as())),
        reply_tokens: entry.reply,
        groups: entry.groups.clone(),
    })
}

fn token_counter(model: &str) -> TokenCounter {
    if !TokenCounter::knows_model(model) {
        tracing::warn!(
            model,
            "unknown tokenizer of this model: counting tokens with that of gpt-4o"
        );
    }
    TokenCounter::for_model(model)
}
