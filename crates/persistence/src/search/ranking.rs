//! Ranks the texts that match a search by how often they contain its terms.

use std::iter::repeat;

use super::terms::Terms;

/// The maximum number of matches that a search finds. Older matches are ignored.
pub const MAX_MATCHES: u32 = 10_000;

/// The maximum size in bytes of the texts that are read for ranking. It bounds the cost: only the newest matches are
/// ranked, and the other ones follow them.
pub const MAX_RANKED_BYTES: usize = 8 * 1024 * 1024;

/// The part of a text in which terms are counted, in bytes from its beginning.
pub const RANKING_SOURCE_BYTES: usize = 4 * 1024;

/// BM25's parameter k1: with a lower value, further occurrences of a term in a text count less.
const SATURATION: f64 = 1.2;

/// BM25's parameter b, from 0 to 1: with a higher value, short texts are preferred more strongly.
const LENGTH_WEIGHT: f64 = 0.75;

/// The weight of a word that matches only a prefix.
const PREFIX_WEIGHT: f64 = 0.5;

/// Scores the texts that match a search with BM25. Term frequencies are those in the matching texts, not in the whole
/// store, so that the cost depends only on the number of matches.
pub struct Ranking<'a> {
    terms: &'a Terms,
    texts: Vec<Text>,
}

/// The words of a text.
struct Text {
    words: u32,
    /// The terms of the search that occur in the text, each with its number of occurrences.
    occurrences: Vec<(usize, u32)>,
}

impl<'a> Ranking<'a> {
    /// Creates a ranking without texts.
    #[must_use]
    pub fn of(terms: &'a Terms) -> Self {
        Self { terms, texts: Vec::new() }
    }

    /// Adds a text. Only its first [`RANKING_SOURCE_BYTES`] count.
    pub fn add(&mut self, text: &str) {
        let end = text.floor_char_boundary(RANKING_SOURCE_BYTES);
        let source = text.get(..end).unwrap_or_default();
        let mut counts = vec![0; self.terms.searched_term_count()];
        let matches = self.terms.find_in(source);
        for word in matches.all() {
            let (prefixes, exact): (Vec<_>, Vec<_>) =
                word.term_ids().partition(|term| self.terms.is_prefix(*term));
            for term in if exact.is_empty() { prefixes } else { exact } {
                if let Some(count) = counts.get_mut(term) {
                    *count += 1;
                }
            }
        }
        let occurrences = counts.into_iter().enumerate().filter(|(_, count)| *count > 0).collect();
        let words = u32::try_from(matches.words.len()).unwrap_or(u32::MAX);
        self.texts.push(Text { words, occurrences });
    }

    /// Returns the best matches with their scores, best first. `matches` are the ranked ones in the order in which their
    /// texts were added, and then the others, whose score is 0. Equal scores keep their order.
    #[must_use]
    pub fn best<T>(&self, matches: impl IntoIterator<Item = T>, limit: u32) -> Vec<(T, f64)> {
        let scores = self.scores().into_iter().chain(repeat(0.0));
        let mut best: Vec<(T, f64)> = matches.into_iter().zip(scores).collect();
        best.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        best.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        best
    }

    /// Returns the scores of the texts, in the order in which they were added.
    fn scores(&self) -> Vec<f64> {
        let rarities = self.rarities();
        let words: f64 = self.texts.iter().map(|text| f64::from(text.words)).sum();
        let mean_words = (words / count(self.texts.len())).max(1.0);
        let score = |text: &Text| {
            let length = f64::from(text.words) / mean_words;
            let damping = SATURATION * (1.0 - LENGTH_WEIGHT + LENGTH_WEIGHT * length);
            let score_of = |(term, occurrences): &(usize, u32)| {
                let occurrences = f64::from(*occurrences);
                let rarity = rarities.get(*term).copied().unwrap_or_default();
                rarity * occurrences * (SATURATION + 1.0) / (occurrences + damping)
            };
            text.occurrences.iter().map(score_of).sum()
        };
        self.texts.iter().map(score).collect()
    }

    /// Returns the weight of each term: the fewer texts contain it, the higher its weight.
    fn rarities(&self) -> Vec<f64> {
        let mut texts_with = vec![0_u32; self.terms.searched_term_count()];
        for (term, _) in self.texts.iter().flat_map(|text| &text.occurrences) {
            if let Some(texts) = texts_with.get_mut(*term) {
                *texts += 1;
            }
        }
        let all = count(self.texts.len());
        let rarity = |with: f64| (1.0 + (all - with + 0.5) / (with + 0.5)).ln();
        // A prefix never counts as rarer than a whole word.
        let rarity = |(term, with): (usize, u32)| {
            if self.terms.is_prefix(term) {
                rarity(all) * PREFIX_WEIGHT
            } else {
                rarity(with.into())
            }
        };
        texts_with.into_iter().enumerate().map(rarity).collect()
    }
}

fn count(texts: usize) -> f64 {
    u32::try_from(texts).map_or(f64::MAX, f64::from)
}

#[cfg(test)]
mod tests {
    use webchat_domain::SearchQuery;

    use super::*;

    /// Returns the texts in the order of their scores, best first.
    fn ranked<'a>(query: &str, texts: &[&'a str]) -> Vec<&'a str> {
        let terms = Terms::of(&SearchQuery::parse(query));
        let mut ranking = Ranking::of(&terms);
        for text in texts {
            ranking.add(text);
        }
        let mut ranked: Vec<_> = ranking.scores().into_iter().zip(texts).collect();
        ranked.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        ranked.into_iter().map(|(_, text)| *text).collect()
    }

    #[test]
    fn more_occurrences_in_fewer_words_rank_higher() {
        let once = "the tide comes and goes with the moon";
        let twice = "the tides follow the moon, and a tide ebbs";
        let long = &format!("a tide, {}", "and words that say nothing about water ".repeat(3));

        assert_eq!(ranked("tide", &[long, once, twice]), [twice, once, long]);
    }

    #[test]
    fn rare_terms_rank_higher_than_frequent_ones() {
        let texts = ["the moon", "the sea", "the sun", "the tide"];

        assert_eq!(ranked("the tide", &texts)[0], "the tide");
        assert_eq!(ranked("\"the tide\" sea", &["sea sand", "the tide"])[0], "the tide");
    }

    #[test]
    fn whole_words_rank_higher_than_prefixes() {
        let texts = ["tidewater tidewater tidewater", "an old tide table", "high tide", "low tide"];

        assert_eq!(*ranked("tide", &texts).last().unwrap(), texts[0]);
    }

    #[test]
    fn a_single_digit_at_the_end_ranks_exact_matches_higher() {
        let texts = ["python 3 is new", "python 2 is old", "python 20"];

        assert_eq!(ranked("python 2", &texts)[0], texts[1]);
    }

    #[test]
    fn only_the_beginning_of_a_text_is_ranked() {
        let late = format!("{} tide", "moon ".repeat(RANKING_SOURCE_BYTES));
        let terms = Terms::of(&SearchQuery::parse("tide"));
        let mut ranking = Ranking::of(&terms);

        for text in ["", &late, "tide"] {
            ranking.add(text);
        }

        let scores = ranking.scores();
        assert_eq!(scores[..2], [0.0, 0.0]);
        assert!(scores[2] > 0.0);
    }
}
