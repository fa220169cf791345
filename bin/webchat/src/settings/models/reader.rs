//! Reads and checks the models of the configuration file.

use std::collections::BTreeSet;

use config::{Value, ValueKind};
use secrecy::SecretString;
use webchat_llm::Auth;

use super::{ARRAY, DEPLOYMENT_FIELDS, DEPLOYMENTS, Field, MODEL_FIELDS, array};
use crate::settings::error::{InvalidSetting, describe};
use crate::settings::kind::one_of;
use crate::settings::merged::Merged;
use crate::settings::sections::{DeploymentEntry, ModelEntry};
use crate::settings::sources::{ConfigFile, SettingsSources};
use crate::settings::suggestions::most_similar;
use crate::settings::wiring::window_tokens;

/// The maximum numbers of models, and of deployments of a model.
const MAX_MODELS: usize = 100;
const MAX_DEPLOYMENTS: usize = 20;

/// The settings of the only model, which have no effect beside `[[models]]`.
const OF_ONLY_MODEL: [&str; 13] = [
    "AZURE_API_URL",
    "API_KEY",
    "LLM_AUTH",
    "MODEL",
    "LLM_TOKENS_FIELD",
    "LLM_TEMPERATURE",
    "LLM_TOP_P",
    "LLM_PRESENCE_PENALTY",
    "LLM_FREQUENCY_PENALTY",
    "LLM_SEED",
    "LLM_REASONING_EFFORT",
    "MAX_TOKENS",
    "REPLY_TOKENS",
];

/// Returns whether `[[models]]` replaces this setting, which has no effect beside it.
pub(in crate::settings) fn replace(variable: &str) -> bool {
    OF_ONLY_MODEL.contains(&variable)
}

/// Reads the models. Adds their errors to those of the other settings.
pub(in crate::settings) fn read(merged: &mut Merged, sources: &SettingsSources) -> Vec<ModelEntry> {
    let (Some(file), Some(array)) = (&sources.file, array(sources)) else { return Vec::new() };
    let mut reader = Reader { merged, sources, file };
    let entries = reader.read_array(&array);
    reader.reject_settings_of_only_model();
    entries
}

struct Reader<'a> {
    merged: &'a mut Merged,
    sources: &'a SettingsSources,
    file: &'a ConfigFile,
}

impl Reader<'_> {
    fn read_array(&mut self, array: &Value) -> Vec<ModelEntry> {
        let ValueKind::Array(tables) = &array.kind else {
            self.reject(ARRAY, &describe(&array.kind), "expected tables [[models]]");
            return Vec::new();
        };
        if tables.is_empty() || tables.len() > MAX_MODELS {
            let hint = format!("expected 1 to {MAX_MODELS} models");
            self.reject(ARRAY, &describe(&array.kind), &hint);
        }
        let numbered = (1..).zip(tables);
        let entries: Vec<_> =
            numbered.filter_map(|(number, table)| self.read_model(number, table)).collect();
        let mut ids = BTreeSet::new();
        for entry in entries.iter().filter(|entry| !ids.insert(&entry.id)) {
            let (name, detail) = (format!("models.{}", entry.id), "used more than once");
            self.reject(&name, detail, "expected a different id for each model");
        }
        entries
    }

    fn read_model(&mut self, number: usize, table: &Value) -> Option<ModelEntry> {
        let path = format!("models[{number}]");
        let is_valid = self.check(&path, table, &MODEL_FIELDS, Some(DEPLOYMENTS));
        let are_deployments_valid = self.check_deployments(&path, table);
        if !is_valid || !are_deployments_valid {
            return None;
        }
        let Ok(mut entry) = table.clone().try_deserialize::<ModelEntry>() else {
            self.reject(&path, "invalid", "expected a model");
            return None;
        };
        let window = window_tokens(entry.window, Some(entry.known_as()));
        if entry.reply.is_some_and(|reply| reply >= window) {
            self.reject(&format!("{path}.reply"), "too large", "expected less than the window");
        }
        for (number, deployment) in (1..).zip(&mut entry.deployments) {
            self.read_key(&format!("{path}.deployments[{number}]"), deployment);
        }
        let mut names = BTreeSet::new();
        let mut chosen = entry.deployments.iter().filter_map(|deployment| deployment.name.as_ref());
        if !chosen.all(|name| names.insert(name)) {
            let name = format!("{path}.deployments");
            self.reject(&name, "a name is used more than once", "expected different names");
        }
        Some(entry)
    }

    fn check_deployments(&mut self, path: &str, model: &Value) -> bool {
        let path = format!("{path}.{DEPLOYMENTS}");
        let deployments = match &model.kind {
            ValueKind::Table(keys) => keys.get(DEPLOYMENTS).map(|value| &value.kind),
            _ => return false,
        };
        let Some(ValueKind::Array(tables)) = deployments else {
            self.reject(&path, "not set", "expected tables [[models.deployments]] with a url");
            return false;
        };
        if tables.is_empty() || tables.len() > MAX_DEPLOYMENTS {
            let hint = format!("expected 1 to {MAX_DEPLOYMENTS} deployments");
            self.reject(&path, &format!("{} deployments", tables.len()), &hint);
            return false;
        }
        // All are checked, so that all errors are reported.
        let numbered = (1..).zip(tables);
        let invalid = numbered.filter(|(number, table): &(usize, _)| {
            !self.check(&format!("{path}[{number}]"), table, &DEPLOYMENT_FIELDS, None)
        });
        invalid.count() == 0
    }

    /// Checks the keys of a table, except `other`. Returns whether all are valid.
    fn check(&mut self, path: &str, table: &Value, fields: &[Field], other: Option<&str>) -> bool {
        let ValueKind::Table(keys) = &table.kind else {
            self.reject(path, &describe(&table.kind), "expected a table");
            return false;
        };
        let mut is_valid = true;
        let mut names: Vec<&String> = keys.keys().collect();
        names.sort();
        for key in names.into_iter().filter(|key| Some(key.as_str()) != other) {
            let known = || fields.iter().map(|field| field.key);
            if !known().any(|name| name == key) {
                let all: Vec<_> = known().chain(other).collect();
                let hint = most_similar(key, &all).map_or_else(
                    || format!("expected {}", one_of(&all)),
                    |name| format!("did you mean {name}?"),
                );
                self.reject(&format!("{path}.{key}"), "unknown", &hint);
                is_valid = false;
            }
        }
        for field in fields {
            let value = keys.get(field.key).map(|value| &value.kind);
            let is_field_valid = match value {
                None => !field.is_required,
                Some(value) => field.kind.accepts(value),
            };
            if !is_field_valid {
                let detail = describe(value.unwrap_or(&ValueKind::Nil));
                let hint = format!("expected {}", field.kind.expected(true));
                self.reject(&format!("{path}.{}", field.key), &detail, &hint);
                is_valid = false;
            }
        }
        is_valid
    }

    /// Reads the API key of a deployment from its variable.
    fn read_key(&mut self, path: &str, deployment: &mut DeploymentEntry) {
        let Some(variable) = &deployment.key_env else { return };
        if deployment.auth == Auth::Entra {
            let hint = "remove it, as access tokens of Entra ID replace the key";
            self.reject(&format!("{path}.key_env"), "set with auth = 'entra'", hint);
            return;
        }
        let SettingsSources { environment, dotenv, .. } = self.sources;
        let values = [environment.get(variable), dotenv.get(variable)].into_iter().flatten();
        let key = values.map(|value| value.trim()).find(|value| !value.is_empty());
        deployment.api_key = key.map(SecretString::from);
        if deployment.api_key.is_none() {
            let hint = format!("set {variable} in the environment, or remove key_env");
            self.reject(&format!("{path}.key_env"), &format!("{variable} is not set"), &hint);
        }
    }

    fn reject_settings_of_only_model(&mut self) {
        for variable in OF_ONLY_MODEL {
            if self.merged.is_set(variable) {
                let expected = "no value beside [[models]]: set it there";
                self.merged.reject_variable(variable, expected);
            }
        }
    }

    fn reject(&mut self, name: &str, detail: &str, hint: &str) {
        self.merged.add_error(InvalidSetting {
            name: name.to_owned(),
            source: Some(self.file.path.clone()),
            detail: detail.to_owned(),
            hint: hint.to_owned(),
        });
    }
}
