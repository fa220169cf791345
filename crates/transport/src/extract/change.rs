//! Changes of fields that have a default.

use serde::{Deserialize, Deserializer};
use webchat_chat::Choice;

/// The change of a field. A missing field stays unchanged; `null` resets it to its default. Fields of this type need
/// `#[serde(default)]`.
#[derive(Default)]
pub(crate) enum Change<T> {
    #[default]
    Unchanged,
    Replace(Option<T>),
}

impl<T> Change<T> {
    /// Returns the choice that the change makes, with the value converted by `convert`.
    pub(crate) fn choice<U>(self, convert: impl FnOnce(T) -> U) -> Option<Choice<U>> {
        match self {
            Self::Unchanged => None,
            Self::Replace(value) => {
                Some(value.map_or(Choice::Default, |value| Choice::Custom(convert(value))))
            }
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Replace)
    }
}

/// Returns the choice of a system prompt. A blank text means the default.
pub(crate) fn prompt_choice(change: Change<String>) -> Option<Choice<String>> {
    let choice = change.choice(|text| text)?;
    let is_blank = matches!(&choice, Choice::Custom(text) if text.trim().is_empty());
    Some(if is_blank { Choice::Default } else { choice })
}
