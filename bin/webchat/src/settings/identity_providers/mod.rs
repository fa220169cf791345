//! The settings of further identity providers: those of the section `[oidc]`, with the id of the provider in their names.

use webchat_transport::{EffectiveSetting, SettingsSection};

use super::checks::unbounded_tenants;
use super::dotenv::Variables;
use super::effective;
use super::error::{DOTENV, ENVIRONMENT, InvalidSetting};
use super::merged::Merged;
use super::sections::{OIDC_PREFIX as PREFIX, OidcSettings, provider_in, settings};
use super::sources::{ConfigFile, SettingsSources};

/// Reads the further providers. Adds their errors to those of the other settings.
pub(super) fn read(merged: &mut Merged, sources: &SettingsSources) -> Vec<(String, OidcSettings)> {
    reject_unlisted(merged, sources);
    let mut providers = Vec::new();
    for id in ids(merged) {
        let mut of_provider = merge(sources, &id);
        for variable in ["OIDC_ISSUER", "OIDC_CLIENT_ID"] {
            if of_provider.get::<String>(variable).is_none() {
                reject(&mut of_provider, variable, None);
            }
        }
        if let Some(expected) = unbounded_tenants(&of_provider) {
            reject(&mut of_provider, "OIDC_ALLOWED_TENANTS", Some(expected));
        }
        if of_provider.get("OIDC_TRUST_EMAIL") == Some(true) && merged.get("SIGN_UP") == Some(true)
        {
            let expected = "off, because visitors may sign up with the addresses of others";
            reject(&mut of_provider, "OIDC_TRUST_EMAIL", Some(expected));
        }
        let read = of_provider.read_section::<OidcSettings>(&OidcSettings::SECTION);
        match read {
            Ok(settings) => providers.push((id, settings)),
            Err(errors) => {
                let named = |error: InvalidSetting| InvalidSetting {
                    name: name(&error.name, &id),
                    ..error
                };
                errors.0.into_iter().map(named).for_each(|error| merged.add_error(error));
            }
        }
    }
    providers
}

/// Rejects the settings of providers that `OIDC_PROVIDERS` does not name: they would have no effect.
fn reject_unlisted(merged: &mut Merged, sources: &SettingsSources) {
    let ids = ids(merged);
    let mut reject = |name: String, source: &str, id: &str| {
        let hint = format!("add {id} to OIDC_PROVIDERS, or remove this setting");
        let (source, detail) = (Some(source.to_owned()), "not in OIDC_PROVIDERS".to_owned());
        merged.add_error(InvalidSetting { name, source, detail, hint });
    };
    for (variables, source) in [(&sources.environment, ENVIRONMENT), (&sources.dotenv, DOTENV)] {
        for (variable, _) in variables.iter().filter(|(_, value)| !value.trim().is_empty()) {
            let Some(provider) = provider_in(variable) else { continue };
            if !ids.iter().any(|id| in_variables(id) == provider) {
                let id = provider.to_lowercase().replace('_', "-");
                reject(variable.clone(), source, &id);
            }
        }
    }
    let Some(file) = &sources.file else { return };
    for id in tables(file).into_iter().filter(|id| !ids.contains(id)) {
        reject(format!("[oidc.{id}]"), &file.path, &id);
    }
}

/// Returns a section for each further provider.
pub(super) fn effective_sections(
    merged: &Merged,
    sources: &SettingsSources,
) -> Vec<SettingsSection> {
    let section = |id: String| {
        let of_provider = effective::section(&merge(sources, &id), &OidcSettings::SECTION);
        let settings = of_provider
            .settings
            .into_iter()
            .map(|setting| EffectiveSetting { variable: name(&setting.variable, &id), ..setting });
        SettingsSection { name: format!("oidc.{id}"), settings: settings.collect() }
    };
    ids(merged).into_iter().map(section).collect()
}

fn ids(merged: &Merged) -> Vec<String> {
    merged.get("OIDC_PROVIDERS").unwrap_or_default()
}

/// Merges the settings of a provider under the names that the declarations have.
fn merge(sources: &SettingsSources, id: &str) -> Merged {
    let file = sources.file.as_ref().and_then(|file| table(file, id));
    let mut merged = Merged::new(&SettingsSources {
        environment: variables(&sources.environment, id),
        dotenv: variables(&sources.dotenv, id),
        file,
        errors: Vec::new(),
    });
    merged.check(&[&OidcSettings::SECTION]);
    merged
}

fn variables(all: &Variables, id: &str) -> Variables {
    let of_provider = OidcSettings::SECTION.settings.iter().filter_map(|setting| {
        let value = all.get(&name(setting.variable, id))?;
        Some((setting.variable.to_owned(), value.clone()))
    });
    of_provider.collect()
}

/// Returns the ids of the tables `[oidc.id]` of a configuration file.
fn tables(file: &ConfigFile) -> Vec<String> {
    let parsed: toml::Table = file.text.parse().unwrap_or_default();
    let Some(section) = parsed.get("oidc").and_then(toml::Value::as_table) else {
        return Vec::new();
    };
    let is_setting = |key: &str| OidcSettings::SECTION.settings.iter().any(|s| s.key == key);
    let tables = section.iter().filter(|(key, value)| value.is_table() && !is_setting(key));
    tables.map(|(id, _)| id.clone()).collect()
}

/// Returns the table `[oidc.id]` of a configuration file as a file of its own.
fn table(file: &ConfigFile, id: &str) -> Option<ConfigFile> {
    let parsed: toml::Table = file.text.parse().ok()?;
    let table = parsed.get("oidc")?.get(id)?.clone();
    let text = toml::to_string(&toml::Table::from_iter([("oidc".to_owned(), table)])).ok()?;
    Some(ConfigFile { path: file.path.clone(), text })
}

/// Returns the name of a provider's setting: of `OIDC_ISSUER` or `oidc.issuer`.
fn name(of_declaration: &str, id: &str) -> String {
    match (of_declaration.strip_prefix(PREFIX), of_declaration.strip_prefix("oidc.")) {
        (Some(rest), _) => format!("{}{rest}", variable_prefix(id)),
        (None, Some(key)) => format!("oidc.{id}.{key}"),
        (None, None) => of_declaration.to_owned(),
    }
}

fn variable_prefix(id: &str) -> String {
    format!("{PREFIX}{}_", in_variables(id))
}

/// Returns what stands for a provider in the names of its variables.
fn in_variables(id: &str) -> String {
    id.to_uppercase().replace('-', "_")
}

fn reject(merged: &mut Merged, variable: &str, expected: Option<&str>) {
    for setting in settings().filter(|setting| setting.variable == variable) {
        let of_kind = setting.kind.expected(false);
        merged.reject(setting, expected.unwrap_or(&of_kind));
    }
}
