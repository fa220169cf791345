//! Suggestions for names in the configuration file that don't exist.

use strsim::normalized_damerau_levenshtein as similarity;

use super::declaration::{Section, Setting};
use super::kind::one_of;
use super::sections::{SECTIONS, settings};

/// Less similar names are not suggested.
const MIN_SIMILARITY: f64 = 0.6;

/// The advantage of names in the same section over names in other sections.
const SAME_SECTION_BONUS: f64 = 0.2;

/// Suggests the setting with the most similar name. If there is none, lists the keys of the section.
pub(super) fn suggest_setting(section: Option<&Section>, key: &str) -> String {
    let key = key.to_lowercase();
    let score = |setting: &Setting| {
        let is_same = section.is_some_and(|section| section.name == setting.section);
        let names = [setting.key.to_owned(), setting.variable.to_lowercase()];
        let best = names.iter().map(|name| similarity(&key, name)).fold(0.0, f64::max);
        (best, best + if is_same { SAME_SECTION_BONUS } else { 0.0 })
    };
    let similar = settings().map(|setting| (score(setting), setting));
    let similar = similar.filter(|((similarity, _), _)| *similarity >= MIN_SIMILARITY);
    let best = similar.max_by(|((_, a), _), ((_, b), _)| a.total_cmp(b));
    match (best, section) {
        (Some((_, setting)), _) => format!("did you mean {}?", setting.path()),
        (None, Some(section)) => {
            let keys: Vec<_> = section.settings.iter().map(|setting| setting.key).collect();
            format!("expected {}", one_of(&keys))
        }
        (None, None) => format!("expected a setting in {}", one_of(&section_headers())),
    }
}

/// Suggests the section with the most similar name. If there is none, lists all sections.
pub(super) fn suggest_section(name: &str) -> String {
    let similar = SECTIONS.into_iter().map(|section| (similarity(name, section.name), section));
    let best = similar.max_by(|(a, _), (b, _)| a.total_cmp(b));
    match best.filter(|(similarity, _)| *similarity >= MIN_SIMILARITY) {
        Some((_, section)) => format!("did you mean [{}]?", section.name),
        None => format!("expected {}", one_of(&section_headers())),
    }
}

fn section_headers() -> [String; SECTIONS.len()] {
    SECTIONS.map(|section| format!("[{}]", section.name))
}

/// Returns the most similar of these names, if one is similar.
pub(super) fn most_similar<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    let name = name.to_lowercase();
    let similar = names.iter().map(|known| (similarity(&name, known), *known));
    let best = similar.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(similarity, _)| *similarity >= MIN_SIMILARITY).map(|(_, known)| known)
}
