//! Texts that are accepted only once: the states of sign-ins and the ids of logout tokens.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use webchat_domain::Timestamp;

/// How long a text is remembered: longer than a sign-in may take, and than a logout token is valid.
const MEMORY: Duration = Duration::from_mins(15);

/// The maximum number of remembered texts. They are random or short, so they take some megabytes.
const MAX_TEXTS: usize = 50_000;

/// Remembers texts of this instance. On other instances, the code of a sign-in is refused by its provider, and a logout
/// token has no further effect.
#[derive(Default)]
pub(super) struct UsedOnce(Mutex<Used>);

#[derive(Default)]
struct Used {
    texts: HashSet<String>,
    in_order: VecDeque<(Timestamp, String)>,
}

impl UsedOnce {
    /// Returns whether the text is used for the first time, and remembers it.
    pub(super) fn is_first_use(&self, text: String, now: Timestamp) -> bool {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = now.minus(MEMORY);
        while used.in_order.len() >= MAX_TEXTS
            || used.in_order.front().is_some_and(|(at, _)| *at < oldest)
        {
            let Some((_, text)) = used.in_order.pop_front() else { break };
            used.texts.remove(&text);
        }
        let is_first = used.texts.insert(text.clone());
        if is_first {
            used.in_order.push_back((now, text));
        }
        is_first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::START;

    #[test]
    fn a_text_is_used_once_until_it_is_forgotten() {
        let used = UsedOnce::default();
        let is_first = |text: &str, now| used.is_first_use(text.to_owned(), now);
        let later = START.plus(MEMORY).plus(Duration::from_millis(1));

        assert!(is_first("a", START) && is_first("b", START));
        assert!(!is_first("a", START.plus(MEMORY)));
        assert!(is_first("a", later));
    }

    #[test]
    fn the_number_of_texts_is_limited() {
        let used = UsedOnce::default();
        for number in 0..=MAX_TEXTS {
            assert!(used.is_first_use(number.to_string(), START));
        }

        assert!(used.is_first_use("0".to_owned(), START), "the oldest one is forgotten");
        assert!(!used.is_first_use(MAX_TEXTS.to_string(), START));
        assert_eq!(used.0.lock().unwrap().texts.len(), MAX_TEXTS);
    }
}
