//! Search queries and hits.

use std::collections::HashSet;
use std::mem;

use serde::Serialize;

use crate::{ConversationId, MessageId, Role, Timestamp};

/// The characters that begin and end a phrase. Keyboards and word processors replace the straight quotation mark.
const QUOTES: [char; 11] = ['"', '“', '”', '„', '‟', '«', '»', '「', '」', '『', '』'];

/// A search query. Every text is a valid query; a query without words or phrases matches nothing.
///
/// `moon "spring tide" -storm` finds messages with the word `moon` and the phrase `spring tide`, but without
/// `storm`. A message must contain all phrases and all words. The last word, each word with a final `*`, and the last
/// word of an unclosed phrase match as prefixes. A hyphen before one or two letters or digits marks an option of a
/// command, as in `ls -la`, and not an exclusion; nor do two hyphens, as in `--force`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchQuery {
    /// Words, all of which a message must contain, unless `any_word` is set. A word as typed by the user may be several
    /// words of a text, such as `my_function()`.
    pub words: Vec<String>,
    /// Whether one of the words is enough.
    pub any_word: bool,
    /// Phrases, all of which a message must contain.
    pub phrases: Vec<String>,
    /// Whether the last phrase has no closing quotation mark. Such a phrase extends to the end of the query.
    pub is_phrase_open: bool,
    /// Words that raise the rank of a message but need not occur in it: the options of a command, such as `-la`.
    pub optional: Vec<String>,
    /// Words and phrases that a message must not contain.
    pub excluded: Vec<String>,
}

/// A message that matches a query.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SearchHit {
    /// The conversation of the message.
    pub conversation_id: ConversationId,
    /// The message's id.
    pub message_id: MessageId,
    /// The position in the conversation.
    pub position: u64,
    /// The author of the message.
    pub role: Role,
    /// When the message was appended.
    pub created_at: Timestamp,
    /// The relevance: higher is better. Scores are comparable only within one search.
    pub score: f64,
    /// The text around the matches.
    pub snippet: Vec<SnippetPart>,
}

/// A conversation whose title matches a query.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TitleHit {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// When the conversation was last updated.
    pub updated_at: Timestamp,
    /// The title.
    pub title: Vec<SnippetPart>,
}

/// A part of a snippet or title.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SnippetPart {
    /// The text, without any escaping.
    pub text: String,
    /// Whether this part matches the query.
    pub matched: bool,
}

impl SearchQuery {
    /// The maximum number of distinct terms: words, phrases and exclusions together. Each requires a lookup in the
    /// message index.
    pub const MAX_TERMS: usize = 32;

    /// Parses a query as typed by a user. Repeated terms and those after the first [`Self::MAX_TERMS`]
    /// are ignored.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut query = Self::default();
        let mut seen = HashSet::new();
        let mut remaining = text;
        while let Some(start) = remaining.find(|c: char| !c.is_whitespace()) {
            let (_, term) = remaining.split_at(start);
            let (is_negated, term) = match term.strip_prefix('-') {
                Some(term) => (true, term),
                None => (false, term),
            };
            let (is_phrase, split, term) = match term.strip_prefix(QUOTES) {
                Some(term) => (true, term.split_once(QUOTES), term),
                None => (false, term.split_once(char::is_whitespace), term),
            };
            let (term, after) = split.unwrap_or((term, ""));
            remaining = after;
            let kind = Kind::of(is_negated, is_phrase, term);
            let term = if is_phrase { term } else { term.trim_start_matches('-') };
            if !term.contains(is_searchable)
                || seen.len() == Self::MAX_TERMS
                || !seen.insert((kind, term.to_lowercase()))
            {
                continue;
            }
            query.is_phrase_open |= kind == Kind::Phrase && split.is_none();
            match kind {
                Kind::Word => &mut query.words,
                Kind::Phrase => &mut query.phrases,
                Kind::Option => &mut query.optional,
                Kind::ExcludedWord | Kind::ExcludedPhrase => &mut query.excluded,
            }
            .push(term.to_owned());
        }
        if query.is_empty() {
            query.words = mem::take(&mut query.optional);
        }
        query
    }

    /// Returns the word or phrase that the user may still be typing: the last one.
    #[must_use]
    pub fn unfinished_term(&self) -> Option<&str> {
        if self.is_phrase_open { self.phrases.last() } else { self.words.last() }
            .map(String::as_str)
    }

    /// Returns whether the query matches nothing, because it has neither words nor phrases.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.phrases.is_empty()
    }
}

/// The kind of a term in a query.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Word,
    Phrase,
    Option,
    ExcludedWord,
    ExcludedPhrase,
}

impl Kind {
    /// The maximum length of an option of a command, such as `-la`. A longer word is excluded.
    const MAX_OPTION_CHARS: usize = 2;

    fn of(is_negated: bool, is_phrase: bool, term: &str) -> Self {
        match (is_negated, is_phrase) {
            (false, false) => Self::Word,
            (false, true) => Self::Phrase,
            (true, true) => Self::ExcludedPhrase,
            (true, false) if term.starts_with('-') => Self::Word,
            (true, false) if Self::is_option(term) => Self::Option,
            (true, false) => Self::ExcludedWord,
        }
    }

    fn is_option(term: &str) -> bool {
        term.len() <= Self::MAX_OPTION_CHARS
            && term.bytes().all(|byte| byte.is_ascii_alphanumeric())
    }
}

/// Whether a search can find the character: a letter, a digit or a pictograph such as an emoji.
#[must_use]
pub fn is_searchable(c: char) -> bool {
    c.is_alphanumeric() || is_pictograph(c)
}

/// Whether the character is a pictograph, such as an emoji. Each counts as a word.
#[must_use]
pub fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{21FF}' | '\u{2300}'..='\u{23FF}' | '\u{2600}'..='\u{27BF}'
        | '\u{2B00}'..='\u{2BFF}' | '\u{1F000}'..='\u{1F3FA}' | '\u{1F400}'..='\u{1FAFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(terms: &[&str]) -> Vec<String> {
        terms.iter().map(|&term| term.to_owned()).collect()
    }

    #[test]
    fn words_phrases_and_exclusions_are_parsed() {
        let query = SearchQuery::parse(r#"moon "spring tide" -storm -"high water" sun"#);

        assert_eq!(query.words, terms(&["moon", "sun"]));
        assert_eq!(query.phrases, terms(&["spring tide"]));
        assert_eq!(query.excluded, terms(&["storm", "high water"]));
    }

    #[test]
    fn options_of_a_command_are_not_exclusions() {
        for (text, words, optional, excluded) in [
            ("ls -la", &["ls"][..], &["la"][..], &[][..]),
            ("grep -r foo", &["grep", "foo"], &["r"], &[]),
            ("git push --force", &["git", "push", "force"], &[], &[]),
            ("head -5", &["head"], &["5"], &[]),
            ("-la", &["la"], &[], &[]),
            ("tide -sun", &["tide"], &[], &["sun"]),
            ("c -c++ -\"js\" -北", &["c"], &[], &["c++", "js", "北"]),
            ("tide -sun moon", &["tide", "moon"], &[], &["sun"]),
        ] {
            let query = SearchQuery::parse(text);

            assert_eq!(query.words, terms(words), "{text}");
            assert_eq!(query.optional, terms(optional), "{text}");
            assert_eq!(query.excluded, terms(excluded), "{text}");
        }
        assert_eq!(SearchQuery::parse("git commit -m \"fix it\"").phrases, terms(&["fix it"]));
    }

    #[test]
    fn a_phrase_can_have_any_quotation_marks() {
        for text in [
            "\"spring tide\"",
            "“spring tide”",
            "„spring tide“",
            "«spring tide»",
            "「spring tide」",
        ] {
            assert_eq!(SearchQuery::parse(text).phrases, terms(&["spring tide"]), "{text}");
        }
    }

    #[test]
    fn pictographs_are_searched() {
        assert_eq!(SearchQuery::parse("party 🎉").words, terms(&["party", "🎉"]));
    }

    #[test]
    fn a_query_without_words_and_phrases_is_empty() {
        for text in ["", "  ", "\"", "-", "\"\"", "- * ( ) : ^", "-storm"] {
            assert!(SearchQuery::parse(text).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn a_repeated_term_is_ignored() {
        let query = SearchQuery::parse(r#"the The "the" "the" -the THE -the"#);

        assert_eq!(query.words, terms(&["the"]));
        assert_eq!(query.phrases, terms(&["the"]));
        assert_eq!(query.excluded, terms(&["the"]));
    }

    #[test]
    fn only_the_first_terms_are_used() {
        let text: Vec<String> = (0..100).map(|number| format!("word{number}")).collect();

        let query = SearchQuery::parse(&text.join(" "));

        assert_eq!(query.words, text[..SearchQuery::MAX_TERMS]);
    }

    #[test]
    fn an_unclosed_quote_extends_to_the_end_of_the_query() {
        let open = SearchQuery::parse("\"spring tide");

        assert_eq!(open.phrases, terms(&["spring tide"]));
        assert!(open.is_phrase_open && !SearchQuery::parse("\"spring tide\"").is_phrase_open);
    }
}
