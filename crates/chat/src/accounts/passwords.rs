//! Hashing, checking and choosing passwords.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash as PhcHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use webchat_domain::{AccountName, Password, PasswordHash};
use webchat_persistence::{StoreError, spawn_cpu_work};

use crate::error::ChatError;

/// OWASP's recommendation of 2024 for Argon2id: 19 MiB, two iterations, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const ITERATIONS: u32 = 2;
const LANES: u32 = 1;

/// The maximum number of passwords that this process hashes concurrently. Each takes 19 MiB of memory.
const MAX_CONCURRENT: usize = 2;

/// The maximum time to wait for another password to be hashed.
const MAX_WAIT: Duration = Duration::from_secs(3);

/// A password that takes fewer guesses than ten to the power of this is refused.
const MIN_LOG10_GUESSES: f64 = 9.0;

/// Verified when no account has the name, so that the response takes as long as for a wrong password.
static UNKNOWN: LazyLock<String> = LazyLock::new(|| hash_now(b"no account").unwrap_or_default());

/// Hashes and verifies passwords with limited concurrency.
#[derive(Clone)]
pub(crate) struct Passwords {
    permits: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(MAX_CONCURRENT)) }
    }
}

/// The result of verifying a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verified {
    /// The password is wrong, or there is none.
    No,
    /// The password is right.
    Yes {
        /// Whether its hash was made with weaker parameters than today's.
        is_outdated: bool,
    },
}

impl Passwords {
    /// Hashes a password.
    ///
    /// # Errors
    /// When the random number generator fails.
    pub(crate) async fn hash(&self, password: Password) -> Result<PasswordHash, ChatError> {
        let hash = self.run(move || hash_now(password.expose().as_bytes())).await?;
        Ok(PasswordHash::new(hash.map_err(StoreError::fault)?))
    }

    /// Verifies a password. Without a hash, it takes as long as with one.
    pub(crate) async fn verify(
        &self,
        password: Password,
        hash: Option<PasswordHash>,
    ) -> Result<Verified, ChatError> {
        self.run(move || verify_now(password.expose().as_bytes(), hash.as_ref())).await
    }

    /// Checks a new password of an account.
    ///
    /// # Errors
    /// [`ChatError::WeakPassword`] if it is common, or easy to guess for someone who knows the name.
    pub(crate) async fn check_strength(
        &self,
        password: Password,
        name: AccountName,
    ) -> Result<(), ChatError> {
        if self.run(move || is_weak(&password, &name)).await? {
            return Err(ChatError::WeakPassword);
        }
        Ok(())
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ChatError> {
        let permit = timeout(MAX_WAIT, Arc::clone(&self.permits).acquire_owned()).await;
        // The semaphore is never closed. The permit is held until the work ends, even if the future is dropped.
        let permit = permit.map_err(|_| ChatError::SignInBusy)?.ok();
        let work = spawn_cpu_work(move || {
            let result = work();
            drop(permit);
            result
        });
        Ok(work.await.map_err(StoreError::fault)?)
    }
}

/// Returns whether a password is common, or easy to guess for someone who knows the name.
fn is_weak(password: &Password, name: &AccountName) -> bool {
    let text = password.expose().to_lowercase();
    // Its parts may take more guesses.
    if text.contains(name.as_str()) || name.as_str().contains(&text) {
        return true;
    }
    let known: Vec<&str> =
        name.as_str().split(['@', '.', '-', '_', '+']).chain(["webchat"]).collect();
    zxcvbn::zxcvbn(password.expose(), &known).guesses_log10() < MIN_LOG10_GUESSES
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, ITERATIONS, LANES, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash_now(password: &[u8]) -> Result<String, argon2::password_hash::Error> {
    argon2().hash_password(password).map(|hash| hash.to_string())
}

fn verify_now(password: &[u8], hash: Option<&PasswordHash>) -> Verified {
    let stored = hash.map_or(UNKNOWN.as_str(), PasswordHash::expose);
    let Ok(parsed) = PhcHash::new(stored) else { return Verified::No };
    let is_right = argon2().verify_password(password, &parsed).is_ok();
    if !is_right || hash.is_none() {
        return Verified::No;
    }
    let weaker = |params: Params| params.m_cost() < MEMORY_KIB || params.t_cost() < ITERATIONS;
    Verified::Yes { is_outdated: Params::try_from(&parsed).map_or(true, weaker) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::try_from(text.to_owned()).unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_is_verified() {
        let passwords = Passwords::default();
        let right = password("three tides a day");
        let hash = passwords.hash(right.clone()).await.unwrap();

        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.expose());
        let verify = async |text: &str, hash| passwords.verify(password(text), hash).await.unwrap();
        let yes = Verified::Yes { is_outdated: false };
        assert_eq!(verify("three tides a day", Some(hash.clone())).await, yes);
        assert_eq!(verify("three tides a days", Some(hash)).await, Verified::No);
        assert_eq!(verify("no account", None).await, Verified::No);
        let broken = PasswordHash::new("broken".to_owned());
        assert_eq!(verify("three tides a day", Some(broken)).await, Verified::No);
    }

    #[tokio::test]
    async fn a_hash_with_weaker_parameters_is_outdated() {
        let weak = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(8 * 1024, 1, 1, None).unwrap(),
        );
        let hash = weak.hash_password(b"three tides a day").unwrap().to_string();

        let passwords = Passwords::default();
        let verified =
            passwords.verify(password("three tides a day"), Some(PasswordHash::new(hash)));

        assert_eq!(verified.await.unwrap(), Verified::Yes { is_outdated: true });
    }

    #[test]
    fn guessable_passwords_are_refused() {
        let name: AccountName = "alice.miller@example.org".parse().unwrap();
        for weak in ["passwordpassword", "qwertyuiop12345", "alicemiller2024", "webchat webchat"] {
            assert!(is_weak(&password(weak), &name), "{weak}");
        }
        for strong in ["three tides a day", "four tides a week", "vYq3-kLm9-pQz7"] {
            assert!(!is_weak(&password(strong), &name), "{strong}");
        }
    }
}
