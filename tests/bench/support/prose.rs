//! Generated texts. They are the same in each run.

use fastrand::Rng;

/// The number of different words.
const WORDS: u32 = 5_000;

/// Generates texts with a realistic word distribution: few words are frequent, and most are rare.
pub(crate) struct Prose {
    rng: Rng,
}

impl Prose {
    pub(crate) fn new() -> Self {
        Self { rng: Rng::with_seed(1) }
    }

    /// Generates a text of this length in characters.
    pub(crate) fn text(&mut self, characters: usize) -> String {
        let mut text = String::new();
        while text.len() < characters {
            text.push_str(&self.next_word());
            text.push(' ');
        }
        text.truncate(characters);
        text
    }

    /// Returns a random length from `min` to `max`. Short ones are more likely.
    pub(crate) fn length(&mut self, min: usize, max: usize) -> usize {
        let longest = self.rng.usize(min..=max);
        self.rng.usize(min..=longest)
    }

    /// Returns a random word. About a hundred of 100 000 short messages contain it.
    pub(crate) fn word(&mut self) -> String {
        word(self.rng.u32(0..WORDS))
    }

    /// Returns one of the fifty most frequent words. Some thousands of 100 000 short messages contain it.
    pub(crate) fn frequent_word(&mut self) -> String {
        word(self.rng.u32(0..50))
    }

    /// Returns a random index below `count`.
    pub(crate) fn choice(&mut self, count: usize) -> usize {
        self.rng.usize(0..count)
    }

    fn next_word(&mut self) -> String {
        let rank = self.rng.f64().powi(3) * f64::from(WORDS);
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the rank is between 0 and WORDS"
        )]
        word(rank as u32)
    }
}

/// Returns the word with this frequency rank. Its ending is one that stemmers do not change.
fn word(rank: u32) -> String {
    let (first, second) = (syllable(rank % 100), syllable(rank / 100));
    format!("{first}{second}n")
}

fn syllable(number: u32) -> String {
    let letter =
        |letters: &str, number: u32| letters.chars().nth(usize::try_from(number).unwrap()).unwrap();
    [letter("bcdfghjklmnpqrstvwxz", number % 20), letter("aeiou", number / 20)].iter().collect()
}
