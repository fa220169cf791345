//! Texts to fill stores with: the same in each run.

use fastrand::Rng;

const WORDS: u32 = 5_000;

/// Writes as people do in one respect: few words are frequent, and most are rare.
pub(crate) struct Prose {
    chance: Rng,
}

impl Prose {
    pub(crate) fn new() -> Self {
        Self { chance: Rng::with_seed(1) }
    }

    /// A text of so many characters.
    pub(crate) fn text(&mut self, characters: usize) -> String {
        let mut text = String::new();
        while text.len() < characters {
            text.push_str(&self.said_word());
            text.push(' ');
        }
        text.truncate(characters);
        text
    }

    /// A length from `least` to `most`; most are short.
    pub(crate) fn length(&mut self, least: usize, most: usize) -> usize {
        let longest = self.chance.usize(least..=most);
        self.chance.usize(least..=longest)
    }

    /// Any word: it stands in some hundred of 100 000 short messages.
    pub(crate) fn word(&mut self) -> String {
        word(self.chance.u32(0..WORDS))
    }

    /// One of the fifty most frequent words: it stands in some thousand of 100 000 short messages.
    pub(crate) fn frequent_word(&mut self) -> String {
        word(self.chance.u32(0..50))
    }

    /// One of so many.
    pub(crate) fn choice(&mut self, count: usize) -> usize {
        self.chance.usize(0..count)
    }

    fn said_word(&mut self) -> String {
        let rank = self.chance.f64().powi(3) * f64::from(WORDS);
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it lies between 0 and WORDS"
        )]
        word(rank as u32)
    }
}

/// The word of this rank, which ends so that no stemmer changes it.
fn word(rank: u32) -> String {
    let (one, other) = (syllable(rank % 100), syllable(rank / 100));
    format!("{one}{other}n")
}

fn syllable(number: u32) -> String {
    let letter =
        |letters: &str, number: u32| letters.chars().nth(usize::try_from(number).unwrap()).unwrap();
    [letter("bcdfghjklmnpqrstvwxz", number % 20), letter("aeiou", number / 20)].iter().collect()
}
