use serde::Serialize;

use crate::{ConversationId, MessageId, Role, Timestamp};

/// What a user searches for. No text is a wrong query: what means nothing finds nothing.
///
/// `moon "spring tide" -storm` finds messages with the word `moon` or the words next to each other
/// in quotes, best first, and none with `storm`. A phrase must be there; of the words, one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchQuery {
    /// Words of which at least one must be there.
    pub words: Vec<String>,
    /// Phrases that must all be there.
    pub phrases: Vec<String>,
    /// Words and phrases that must not be there.
    pub excluded: Vec<String>,
}

/// A message that was found.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SearchHit {
    /// Where it stands.
    pub conversation_id: ConversationId,
    /// The message.
    pub message_id: MessageId,
    /// Its place in the conversation.
    pub position: u64,
    /// Who said it.
    pub role: Role,
    /// When.
    pub created_at: Timestamp,
    /// How well it fits: higher is better; comparable only within one search.
    pub score: f64,
    /// The text around what was found.
    pub snippet: Vec<SnippetPart>,
}

/// A part of a snippet.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SnippetPart {
    /// The text, not escaped in any way.
    pub text: String,
    /// Whether it is what was searched for.
    pub matched: bool,
}

impl SearchQuery {
    /// Reads what a user typed.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut query = Self::default();
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| !c.is_whitespace()) {
            let (_, term) = rest.split_at(start);
            let (excluded, term) = match term.strip_prefix('-') {
                Some(term) => (true, term),
                None => (false, term),
            };
            let (is_phrase, (term, after)) = match term.strip_prefix('"') {
                Some(term) => (true, term.split_once('"').unwrap_or((term, ""))),
                None => (false, term.split_once(char::is_whitespace).unwrap_or((term, ""))),
            };
            rest = after;
            if !term.contains(char::is_alphanumeric) {
                continue;
            }
            match (excluded, is_phrase) {
                (true, _) => &mut query.excluded,
                (false, true) => &mut query.phrases,
                (false, false) => &mut query.words,
            }
            .push(term.to_owned());
        }
        query
    }

    /// Whether it asks for nothing: an exclusion alone finds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.phrases.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(terms: &[&str]) -> Vec<String> {
        terms.iter().map(|&term| term.to_owned()).collect()
    }

    #[test]
    fn words_phrases_and_exclusions_are_told_apart() {
        let query = SearchQuery::parse(r#"moon "spring tide" -storm -"high water" sun"#);

        assert_eq!(query.words, terms(&["moon", "sun"]));
        assert_eq!(query.phrases, terms(&["spring tide"]));
        assert_eq!(query.excluded, terms(&["storm", "high water"]));
    }

    #[test]
    fn what_means_nothing_asks_for_nothing() {
        for text in ["", "  ", "\"", "-", "\"\"", "- * ( ) : ^", "-storm"] {
            assert!(SearchQuery::parse(text).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn an_open_quote_reaches_to_the_end() {
        assert_eq!(SearchQuery::parse("\"spring tide").phrases, terms(&["spring tide"]));
    }
}
