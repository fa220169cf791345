//! What the content filter of a provider found, and how it is told to the user.

use std::collections::BTreeSet;
use std::fmt;

use strum::{EnumString, IntoStaticStr};

/// A category of a provider's content filter, such as Azure's, for which it ended or refused something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilteredCategory {
    /// The provider's name: `hate`, `self_harm`, `jailbreak`, …. At most 48 letters, digits and the characters `.`, `_` and
    /// `-`.
    pub name: String,
    /// How severe it is, in categories that have a severity.
    pub severity: Option<FilterSeverity>,
}

/// How severe what a content filter found is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum FilterSeverity {
    Low,
    Medium,
    High,
}

/// The categories of Azure's content filter, in words. See
/// <https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter>.
const WORDS: [(&str, &str); 11] = [
    ("custom_blocklists", "a term on the provider's blocklist"),
    ("hate", "hate"),
    ("indirect_attack", "hidden instructions in a document"),
    ("jailbreak", "an attempt to get around the model's rules"),
    ("profanity", "profanity"),
    ("protected_material_code", "code of others"),
    ("protected_material_text", "text of others"),
    ("self_harm", "self-harm"),
    ("sexual", "sexual content"),
    ("task_adherence", "a departure from the task"),
    ("violence", "violence"),
];

impl FilteredCategory {
    /// Returns the provider's name if it is one of Azure's, or `other`: for a metric, so that a provider can't create any
    /// number of series.
    #[must_use]
    pub fn known_name(&self) -> &'static str {
        WORDS.iter().find(|(name, _)| *name == self.name).map_or("other", |(name, _)| name)
    }
}

impl fmt::Display for FilteredCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match WORDS.iter().find(|(name, _)| *name == self.name) {
            Some((_, words)) => f.write_str(words)?,
            // The name could say anything.
            None => f.write_str("something else")?,
        }
        match self.severity {
            Some(severity) => write!(f, " ({} severity)", <&str>::from(severity)),
            None => Ok(()),
        }
    }
}

/// Returns the message for the user about a request that the provider's content filter refused.
pub(crate) fn refused_request_message(categories: &[FilteredCategory]) -> String {
    format!(
        "The content filter of the model's provider refused your question, or an earlier message of this \
         chat{}. Please rephrase it, or start a new chat.",
        filter_reasons(categories)
    )
}

/// Returns the message for the user about an answer that the provider's content filter ended.
#[must_use]
pub fn filtered_answer_message(categories: &[FilteredCategory]) -> String {
    format!(
        "The content filter of the model's provider ended this answer{}. Please ask in another way.",
        filter_reasons(categories)
    )
}

/// Returns what a content filter found, as the end of a clause: `, because it found hate (high severity) and violence`.
/// Empty if the provider does not say it.
#[must_use]
pub fn filter_reasons(categories: &[FilteredCategory]) -> String {
    let words: BTreeSet<String> = categories.iter().map(ToString::to_string).collect();
    let words = Vec::from_iter(words);
    match words.as_slice() {
        [] => String::new(),
        [only] => format!(", because it found {only}"),
        [first @ .., last] => format!(", because it found {} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_was_found_if_the_provider_does() {
        let category = |name: &str, severity| FilteredCategory { name: name.to_owned(), severity };
        let (hate, other) =
            (category("hate", Some(FilterSeverity::High)), category("tide_tables", None));
        let harm = category("self_harm", Some(FilterSeverity::Medium));

        assert_eq!(
            filtered_answer_message(std::slice::from_ref(&hate)),
            "The content filter of the model's provider ended this answer, because it found hate (high \
             severity). Please ask in another way."
        );
        assert_eq!(
            refused_request_message(&[hate.clone(), harm, other.clone()]),
            "The content filter of the model's provider refused your question, or an earlier message of \
             this chat, because it found hate (high severity), self-harm (medium severity) and something else. \
             Please rephrase it, or start a new chat."
        );
        assert_eq!(
            filtered_answer_message(&[]),
            "The content filter of the model's provider ended this answer. Please ask in another way."
        );
        assert_eq!((hate.known_name(), other.known_name()), ("hate", "other"));
    }
}
