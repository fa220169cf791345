//! Searches few-shot examples, which no full-text index contains.

use webchat_domain::{ConversationId, FewShotExample};

use super::conversations::best_hit_per_conversation;
use super::terms::Terms;

/// The maximum number of a user's conversations whose few-shot examples are searched: the newest ones.
pub const MAX_CONVERSATIONS_WITH_EXAMPLES: u32 = 1_000;

/// The maximum size of the few-shot examples that a search reads, in bytes. It bounds the cost, because no index contains
/// them.
const MAX_EXAMPLE_BYTES: usize = 1024 * 1024;

/// Collects the conversations whose few-shot examples match a search.
pub struct ExampleMatches<'a> {
    terms: &'a Terms,
    remaining_bytes: usize,
    conversations: Vec<ConversationId>,
}

impl<'a> ExampleMatches<'a> {
    /// Creates an empty collection.
    #[must_use]
    pub fn of(terms: &'a Terms) -> Self {
        Self { terms, remaining_bytes: MAX_EXAMPLE_BYTES, conversations: Vec::new() }
    }

    /// Adds the conversation if the question or the answer of an example matches. Each is searched like a message,
    /// because the Flask application stored it as one. Returns whether the caller may add more conversations.
    pub fn add(&mut self, id: ConversationId, examples: &[FewShotExample]) -> bool {
        let mut texts =
            examples.iter().flat_map(|example| [&example.user_prompt, &example.assistant_response]);
        if texts.any(|text| self.is_match(text)) {
            self.conversations.push(id);
        }
        self.remaining_bytes > 0
    }

    /// Appends the conversations to those with matching messages. Their score is 0.
    #[must_use]
    pub fn append_to(self, mut hits: Vec<(ConversationId, f64)>) -> Vec<(ConversationId, f64)> {
        hits.extend(self.conversations.into_iter().map(|id| (id, 0.0)));
        best_hit_per_conversation(hits)
    }

    fn is_match(&mut self, text: &str) -> bool {
        let remaining = self.remaining_bytes.checked_sub(text.len());
        self.remaining_bytes = remaining.unwrap_or(0);
        remaining.is_some() && self.terms.matches(text)
    }
}

#[cfg(test)]
mod tests {
    use webchat_domain::{ExampleId, SearchQuery, Timestamp};

    use super::*;

    fn example(user_prompt: &str, assistant_response: &str) -> FewShotExample {
        FewShotExample {
            example_id: ExampleId::generate(),
            user_prompt: user_prompt.to_owned(),
            assistant_response: assistant_response.to_owned(),
            prompt_tokens: 1,
            response_tokens: 1,
            created_at: Timestamp::from_unix_millis(0),
        }
    }

    fn is_found(query: &str, examples: &[FewShotExample]) -> bool {
        let terms = Terms::of(&SearchQuery::parse(query));
        let mut matches = ExampleMatches::of(&terms);
        matches.add(ConversationId::generate(), examples);
        !matches.append_to(Vec::new()).is_empty()
    }

    #[test]
    fn an_example_is_searched_as_two_messages() {
        let examples = [example("Why two tides?", "The moon.")];

        for query in ["tide", "moon", "\"two tides\"", "tides two", "mo"] {
            assert!(is_found(query, &examples), "{query}");
        }
        for query in [
            "storm",
            "storm moon",
            "two moon",
            "\"tides two\"",
            "moon \"two tides\"",
            "tide -two",
            "?!",
        ] {
            assert!(!is_found(query, &examples), "{query}");
        }
    }

    #[test]
    fn examples_beyond_the_maximum_size_are_not_read() {
        let long = example(&"and ".repeat(MAX_EXAMPLE_BYTES / 4), "tides");
        let terms = Terms::of(&SearchQuery::parse("tides"));
        let mut matches = ExampleMatches::of(&terms);

        assert!(!matches.add(ConversationId::generate(), &[long]));
        assert_eq!(matches.append_to(Vec::new()), []);
    }
}
