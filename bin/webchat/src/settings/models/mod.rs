//! The models of the configuration file: `[[models]]`, each with its `[[models.deployments]]`.

mod reader;

use config::{Map, Value, ValueKind};
use webchat_domain::{GroupName, ModelId};
use webchat_transport::{EffectiveSetting, SettingsSection};

pub(super) use self::reader::{read, replace};
use super::kind::{Kind, parses_as};
use super::sections::{AUTH_METHODS, EFFORTS, MODEL_URL, PENALTY, TOKENS_FIELDS};
use super::sources::SettingsSources;

/// The name of the array in the configuration file.
pub(super) const ARRAY: &str = "models";

/// The key of the deployments of a model.
const DEPLOYMENTS: &str = "deployments";

/// A key of an entry.
struct Field {
    key: &'static str,
    kind: Kind,
    is_required: bool,
}

const fn required(key: &'static str, kind: Kind) -> Field {
    Field { key, kind, is_required: true }
}

const fn optional(key: &'static str, kind: Kind) -> Field {
    Field { key, kind, is_required: false }
}

const TOKENS: Kind = Kind::integer("tokens", 1, u32::MAX);
const ID: Kind = Kind::text(
    "1 to 64 letters, digits and any of . _ - : /, such as gpt-4.1-mini",
    parses_as::<ModelId>,
);
const GROUPS: Kind = Kind::List {
    items: "names of groups",
    example: "staff,research",
    is_valid: parses_as::<GroupName>,
};

const MODEL_FIELDS: [Field; 12] = [
    required("id", ID),
    optional("name", Kind::TEXT),
    optional("window", TOKENS),
    optional("reply", TOKENS),
    optional("tokenizer", Kind::TEXT),
    optional("groups", GROUPS),
    optional("temperature", Kind::Number { min: 0.0, max: 2.0 }),
    optional("top_p", Kind::Number { min: 0.0, max: 1.0 }),
    optional("presence_penalty", PENALTY),
    optional("frequency_penalty", PENALTY),
    optional("seed", Kind::Integer { unit: "", min: i64::MIN, max: i64::MAX }),
    optional("reasoning_effort", EFFORTS),
];

const DEPLOYMENT_FIELDS: [Field; 8] = [
    required("url", MODEL_URL),
    optional("name", ID),
    optional("auth", AUTH_METHODS),
    optional("key_env", Kind::TEXT),
    optional("model", Kind::TEXT),
    optional("tokens_field", TOKENS_FIELDS),
    optional("order", Kind::integer("", 0, u32::MAX)),
    optional("weight", Kind::integer("", 1, 1_000)),
];

/// Returns whether the configuration file has models.
pub(super) fn is_configured(sources: &SettingsSources) -> bool {
    array(sources).is_some()
}

fn array(sources: &SettingsSources) -> Option<Value> {
    sources.file.as_ref()?.parse().sections.remove(ARRAY)
}

/// Returns a section for each model and each deployment, as the configuration file has them.
pub(super) fn effective_sections(sources: &SettingsSources) -> Vec<SettingsSection> {
    let (Some(file), Some(array)) = (&sources.file, array(sources)) else { return Vec::new() };
    let mut sections = Vec::new();
    for (number, model) in (1..).zip(tables(&array)) {
        let path = format!("{ARRAY}[{number}]");
        sections.push(section(ARRAY, &path, &MODEL_FIELDS, model, &file.path));
        let deployments = keys(model).and_then(|keys| keys.get(DEPLOYMENTS));
        for (number, deployment) in (1..).zip(deployments.into_iter().flat_map(tables)) {
            let name = format!("{ARRAY}.{DEPLOYMENTS}");
            let path = format!("{path}.{DEPLOYMENTS}[{number}]");
            sections.push(section(&name, &path, &DEPLOYMENT_FIELDS, deployment, &file.path));
        }
    }
    sections
}

fn section(
    name: &str,
    path: &str,
    fields: &[Field],
    table: &Value,
    source: &str,
) -> SettingsSection {
    let setting = |field: &Field| {
        let value = keys(table)?.get(field.key)?;
        let shown = field.kind.may_show(&value.kind).then(|| value.clone().try_deserialize().ok());
        Some(EffectiveSetting {
            key: field.key.to_owned(),
            variable: format!("{path}.{}", field.key),
            value: shown.flatten(),
            source: Some(source.to_owned()),
        })
    };
    // As the header of an array in the configuration file.
    SettingsSection {
        name: format!("[{name}]"),
        settings: fields.iter().filter_map(setting).collect(),
    }
}

fn tables(array: &Value) -> &[Value] {
    match &array.kind {
        ValueKind::Array(tables) => tables,
        _ => &[],
    }
}

fn keys(table: &Value) -> Option<&Map<String, Value>> {
    match &table.kind {
        ValueKind::Table(keys) => Some(keys),
        _ => None,
    }
}
