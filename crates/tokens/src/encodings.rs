//! The encodings that the process has loaded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tiktoken_rs::tokenizer::Tokenizer;
use tiktoken_rs::{
    CoreBPE, cl100k_base, o200k_base, o200k_harmony, p50k_base, p50k_edit, r50k_base,
};

/// The encodings of this process.
pub(crate) static ENCODINGS: Encodings = Encodings { loaded: Mutex::new(Vec::new()) };

/// Encodings that are loaded when they are first needed.
pub(crate) struct Encodings {
    loaded: Mutex<Vec<Loaded>>,
}

struct Loaded {
    tokenizer: Tokenizer,
    encoding: Arc<CoreBPE>,
    used_at: Instant,
}

impl Encodings {
    /// Returns an encoding, and loads it first if necessary. Calls that load the same one at the same time may each do
    /// the work.
    pub(crate) fn get(&self, tokenizer: Tokenizer) -> Arc<CoreBPE> {
        if let Some(encoding) = self.find(tokenizer) {
            return encoding;
        }
        // Others can use the loaded encodings in the meantime.
        let encoding = Arc::new(load(tokenizer));
        let mut loaded = self.lock();
        if let Some(other) = find(&mut loaded, tokenizer) {
            return other;
        }
        loaded.push(Loaded { tokenizer, encoding: Arc::clone(&encoding), used_at: Instant::now() });
        encoding
    }

    /// Returns an encoding if it is loaded, which counts as a use.
    pub(crate) fn find(&self, tokenizer: Tokenizer) -> Option<Arc<CoreBPE>> {
        find(&mut self.lock(), tokenizer)
    }

    /// Drops the encodings that have not been used for `unused_for`.
    pub(crate) fn unload_unused(&self, unused_for: Duration) {
        self.lock().retain(|loaded| loaded.used_at.elapsed() < unused_for);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Loaded>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find(loaded: &mut [Loaded], tokenizer: Tokenizer) -> Option<Arc<CoreBPE>> {
    let loaded = loaded.iter_mut().find(|loaded| loaded.tokenizer == tokenizer)?;
    loaded.used_at = Instant::now();
    Some(Arc::clone(&loaded.encoding))
}

#[expect(
    clippy::expect_used,
    reason = "the encodings are part of the library, so that loading never fails"
)]
fn load(tokenizer: Tokenizer) -> CoreBPE {
    let encoding = match tokenizer {
        Tokenizer::O200kBase => o200k_base(),
        Tokenizer::O200kHarmony => o200k_harmony(),
        Tokenizer::Cl100kBase => cl100k_base(),
        Tokenizer::P50kBase => p50k_base(),
        Tokenizer::P50kEdit => p50k_edit(),
        Tokenizer::R50kBase | Tokenizer::Gpt2 => r50k_base(),
    };
    encoding.expect("the library's own encodings are valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_loaded_once_and_unloaded_when_it_is_unused() {
        let encodings = Encodings { loaded: Mutex::default() };
        let first = encodings.get(Tokenizer::R50kBase);
        let again = encodings.get(Tokenizer::R50kBase);
        encodings.unload_unused(Duration::from_mins(1));
        let kept = encodings.find(Tokenizer::R50kBase);

        encodings.unload_unused(Duration::ZERO);

        assert!(Arc::ptr_eq(&first, &again));
        assert!(kept.is_some_and(|kept| Arc::ptr_eq(&first, &kept)));
        assert!(encodings.find(Tokenizer::R50kBase).is_none());
        assert_eq!(
            encodings.get(Tokenizer::R50kBase).count_ordinary("tides"),
            first.count_ordinary("tides")
        );
    }
}
