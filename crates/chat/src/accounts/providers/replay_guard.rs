//! Texts that are accepted only once: the states of sign-ins and the ids of logout tokens.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use webchat_domain::Timestamp;

/// How long a text is remembered: longer than a sign-in may take, and than a logout token is valid.
const MEMORY: Duration = Duration::from_mins(15);

/// The maximum number of remembered texts. They are random or short, so they take some megabytes.
const MAX_TEXTS: usize = 50_000;

/// Remembers texts of this instance. On other instances, the code of a sign-in is refused by its provider; each of them
/// accepts a logout token once more while it is valid.
#[derive(Default)]
pub(super) struct ReplayGuard(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    texts: HashSet<String>,
    in_order: VecDeque<(Timestamp, String)>,
}

impl ReplayGuard {
    /// Returns whether the text was used before.
    pub(super) fn contains(&self, text: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).texts.contains(text)
    }

    /// Returns whether the text is used for the first time, and remembers it.
    pub(super) fn is_first_use(&self, text: String, now: Timestamp) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = now.minus(MEMORY);
        while seen.in_order.front().is_some_and(|(at, _)| *at < oldest) {
            seen.forget_oldest();
        }
        if seen.texts.contains(&text) {
            return false;
        }
        if seen.in_order.len() >= MAX_TEXTS {
            seen.forget_oldest();
        }
        seen.texts.insert(text.clone());
        seen.in_order.push_back((now, text));
        true
    }
}

impl Seen {
    fn forget_oldest(&mut self) {
        if let Some((_, text)) = self.in_order.pop_front() {
            self.texts.remove(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::START;

    #[test]
    fn a_text_is_used_once_until_it_is_forgotten() {
        let guard = ReplayGuard::default();
        let is_first = |text: &str, now| guard.is_first_use(text.to_owned(), now);
        let later = START.plus(MEMORY).plus(Duration::from_millis(1));

        assert!(is_first("a", START) && is_first("b", START));
        assert!(!is_first("a", START.plus(MEMORY)));
        assert!(is_first("a", later));
    }

    #[test]
    fn the_number_of_texts_is_limited() {
        let guard = ReplayGuard::default();
        for number in 0..=MAX_TEXTS {
            assert!(guard.is_first_use(number.to_string(), START));
        }

        assert!(guard.is_first_use("0".to_owned(), START), "the oldest one is forgotten");
        assert!(!guard.is_first_use(MAX_TEXTS.to_string(), START));
        assert_eq!(guard.0.lock().unwrap().texts.len(), MAX_TEXTS);
    }
}
