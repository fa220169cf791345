//! The settings that are in effect, with the source of each value and without secrets.

pub(super) mod print;

use webchat_transport::{EffectiveSetting, SettingsSection};

use super::declaration::{Section, Setting};
use super::merged::{DEFAULT, Merged};
use super::sections::SECTIONS;

/// Returns all sections but those of further identity providers.
pub(super) fn sections(merged: &Merged) -> Vec<SettingsSection> {
    SECTIONS.map(|declared| section(merged, declared)).to_vec()
}

pub(super) fn section(merged: &Merged, declared: &Section) -> SettingsSection {
    let settings = declared.settings.iter().map(|setting| effective(merged, setting));
    SettingsSection { name: declared.name.to_owned(), settings: settings.collect() }
}

fn effective(merged: &Merged, setting: &Setting) -> EffectiveSetting {
    let value = merged.value(setting);
    let shown = value.filter(|value| setting.kind.may_show(&value.kind));
    EffectiveSetting {
        key: setting.key.to_owned(),
        variable: setting.variable.to_owned(),
        value: shown.and_then(|value| value.clone().try_deserialize().ok()),
        source: value.map(|value| value.origin().unwrap_or(DEFAULT).to_owned()),
    }
}
