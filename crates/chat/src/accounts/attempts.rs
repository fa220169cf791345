//! Delays after failed attempts to sign in, which grow with the number of failures.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use webchat_domain::{AccountName, Network, Timestamp};

/// The maximum number of names and networks that are remembered of each kind. Beyond it, the oldest are forgotten.
const MAX_ENTRIES: usize = 50_000;

/// The time for which a network is known to belong to the user of a name, after a successful sign-in.
const KNOWN_FOR: Duration = Duration::from_hours(24 * 30);

/// The failures before further attempts must wait: with one name from one network, from one network, and with one name.
const FREE_NAME_FROM_NETWORK: u32 = 5;
const FREE_NETWORK: u32 = 30;
const FREE_NAME: u32 = 100;

/// The limit for one name from one network: someone who has forgotten a password, or guesses one.
const NAME_FROM_NETWORK: Limit = Limit {
    free_failures: FREE_NAME_FROM_NETWORK,
    forgotten_after: Duration::from_mins(12),
    max_delay: Duration::from_mins(15),
};

/// The limit for one network: someone who tries many names. The users of a company may share an address.
const NETWORK: Limit = Limit {
    free_failures: FREE_NETWORK,
    forgotten_after: Duration::from_mins(1),
    max_delay: Duration::from_mins(5),
};

/// The limit for one name from all networks: someone who guesses from many addresses.
const NAME: Limit = Limit {
    free_failures: FREE_NAME,
    forgotten_after: Duration::from_secs(30),
    max_delay: Duration::from_secs(10),
};

/// How long an attempt must wait after failures: one second after the free ones, and twice as long after each further
/// one.
#[derive(Clone, Copy)]
struct Limit {
    free_failures: u32,
    /// One failure is forgotten after this time.
    forgotten_after: Duration,
    max_delay: Duration,
}

/// The failed attempts to sign in on this instance.
///
/// The limits of names and networks don't apply to a user who has signed in from the same network before, so that an
/// attacker can't lock the user out.
#[derive(Default)]
pub(crate) struct SignInAttempts(Mutex<Attempts>);

#[derive(Default)]
struct Attempts {
    by_name_and_network: Failures<(AccountName, Network)>,
    by_network: Failures<Network>,
    by_name: Failures<AccountName>,
    /// The last success of a name from a network.
    successes: HashMap<(AccountName, Network), Timestamp>,
}

/// An attempt that counts as failed while it runs, so that concurrent ones don't escape the limits. Unless it fails, it
/// does not count any more when it is dropped.
pub(crate) struct Attempt {
    attempts: Arc<SignInAttempts>,
    name: Option<AccountName>,
    network: Network,
    has_failed: bool,
}

/// The failures by key.
struct Failures<K>(HashMap<K, Entry>);

#[derive(Clone, Copy)]
struct Entry {
    /// The failures that were not forgotten at `counted_at`, and the running attempts.
    count: u32,
    counted_at: Timestamp,
    last_failure: Timestamp,
}

impl SignInAttempts {
    /// Begins an attempt with this name, or with none if it is invalid.
    ///
    /// # Errors
    /// The time until the next attempt is allowed.
    pub(crate) fn begin(
        this: &Arc<Self>,
        name: Option<&AccountName>,
        network: Network,
        now: Timestamp,
    ) -> Result<Attempt, Duration> {
        let mut attempts = this.lock();
        let pair = name.map(|name| (name.clone(), network));
        let mut wait = attempts.by_name_and_network.wait(pair.as_ref(), NAME_FROM_NETWORK, now);
        let succeeded_at = pair.as_ref().and_then(|pair| attempts.successes.get(pair));
        if succeeded_at.is_none_or(|at| at.until(now) > KNOWN_FOR) {
            wait = wait
                .max(attempts.by_network.wait(Some(&network), NETWORK, now))
                .max(attempts.by_name.wait(name, NAME, now));
        }
        if !wait.is_zero() {
            return Err(wait);
        }
        attempts.by_name_and_network.count(pair, NAME_FROM_NETWORK, now);
        attempts.by_network.count(Some(network), NETWORK, now);
        attempts.by_name.count(name.cloned(), NAME, now);
        let name = name.cloned();
        Ok(Attempt { attempts: Arc::clone(this), name, network, has_failed: false })
    }

    fn lock(&self) -> MutexGuard<'_, Attempts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    /// Ends the attempt: the name or the password was wrong.
    pub(crate) fn fail(mut self, now: Timestamp) {
        self.has_failed = true;
        let pair = self.pair();
        let mut attempts = self.attempts.lock();
        attempts.by_name_and_network.fail(pair.as_ref(), now);
        attempts.by_network.fail(Some(&self.network), now);
        attempts.by_name.fail(self.name.as_ref(), now);
    }

    /// Ends the attempt: the password was right. Forgets the failures with this name from this network.
    pub(crate) fn succeed(self, now: Timestamp) {
        let Some(pair) = self.pair() else { return };
        let mut attempts = self.attempts.lock();
        attempts.by_name_and_network.0.remove(&pair);
        if attempts.successes.len() >= MAX_ENTRIES {
            attempts.successes.retain(|_, at| at.until(now) < KNOWN_FOR / 2);
        }
        if attempts.successes.len() < MAX_ENTRIES {
            attempts.successes.insert(pair, now);
        }
    }

    fn pair(&self) -> Option<(AccountName, Network)> {
        self.name.clone().map(|name| (name, self.network))
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.has_failed {
            return;
        }
        let pair = self.pair();
        let mut attempts = self.attempts.lock();
        attempts.by_name_and_network.uncount(pair.as_ref());
        attempts.by_network.uncount(Some(&self.network));
        attempts.by_name.uncount(self.name.as_ref());
    }
}

impl Limit {
    /// Returns the delay after so many failures.
    fn delay(self, failures: u32) -> Duration {
        let Some(excess) = failures.checked_sub(self.free_failures) else { return Duration::ZERO };
        let seconds = 1_u64.checked_shl(excess).unwrap_or(u64::MAX);
        Duration::from_secs(seconds).min(self.max_delay)
    }
}

impl<K> Default for Failures<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Failures<K> {
    /// Returns the time until the next attempt is allowed.
    fn wait(&self, key: Option<&K>, limit: Limit, now: Timestamp) -> Duration {
        let Some(entry) = key.and_then(|key| self.0.get(key)) else { return Duration::ZERO };
        let delay = limit.delay(entry.at(limit, now).count);
        delay.saturating_sub(entry.last_failure.until(now))
    }

    fn count(&mut self, key: Option<K>, limit: Limit, now: Timestamp) {
        let Some(key) = key else { return };
        if self.0.len() >= MAX_ENTRIES && !self.0.contains_key(&key) {
            self.make_room(limit, now);
        }
        let new = Entry { count: 0, counted_at: now, last_failure: now };
        let entry = self.0.entry(key).or_insert(new);
        *entry = entry.at(limit, now);
        entry.count = entry.count.saturating_add(1);
    }

    fn fail(&mut self, key: Option<&K>, now: Timestamp) {
        if let Some(entry) = key.and_then(|key| self.0.get_mut(key)) {
            entry.last_failure = now;
        }
    }

    fn uncount(&mut self, key: Option<&K>) {
        if let Some(entry) = key.and_then(|key| self.0.get_mut(key)) {
            entry.count = entry.count.saturating_sub(1);
        }
    }

    /// Removes the forgotten entries or, if there are none, the older half.
    fn make_room(&mut self, limit: Limit, now: Timestamp) {
        self.0.retain(|_, entry| entry.at(limit, now).count > 0);
        if self.0.len() < MAX_ENTRIES {
            return;
        }
        let mut times: Vec<_> = self.0.values().map(|entry| entry.counted_at).collect();
        times.sort_unstable();
        let middle = times.get(times.len() / 2).copied();
        self.0.retain(|_, entry| Some(entry.counted_at) > middle);
    }
}

impl Entry {
    /// Returns the entry without the failures that are forgotten by now.
    fn at(self, limit: Limit, now: Timestamp) -> Self {
        let elapsed = self.counted_at.until(now).as_millis();
        let forgotten = elapsed / limit.forgotten_after.as_millis().max(1);
        let forgotten = u32::try_from(forgotten).unwrap_or(u32::MAX);
        match self.count.checked_sub(forgotten).filter(|count| *count > 0) {
            None => Self { count: 0, counted_at: now, ..self },
            Some(count) => {
                let counted_at = self.counted_at.plus(limit.forgotten_after * forgotten);
                Self { count, counted_at, ..self }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix_millis(1_767_323_045_000);

    fn name(text: &str) -> AccountName {
        text.parse().unwrap()
    }

    fn network(last: u8) -> Network {
        Network::of([192, 0, 2, last].into())
    }

    /// Fails at this time. Returns the time to wait instead if the attempt is not allowed.
    fn fail(
        attempts: &Arc<SignInAttempts>,
        name: &AccountName,
        network: Network,
        now: Timestamp,
    ) -> Duration {
        match SignInAttempts::begin(attempts, Some(name), network, now) {
            Ok(attempt) => {
                attempt.fail(now);
                Duration::ZERO
            }
            Err(wait) => wait,
        }
    }

    #[test]
    fn the_delay_doubles_with_each_failure_up_to_its_maximum() {
        let (attempts, alice) = (Arc::default(), name("alice"));
        let mut now = START;

        let mut waits = Vec::new();
        for _ in 0..20 {
            let wait = fail(&attempts, &alice, network(1), now);
            if !wait.is_zero() {
                now = now.plus(wait);
                assert_eq!(fail(&attempts, &alice, network(1), now), Duration::ZERO);
                waits.push(wait.as_secs());
            }
        }

        assert_eq!(waits.get(..6).unwrap(), [1, 2, 4, 8, 16, 32]);
        assert!(waits.iter().all(|wait| *wait <= 15 * 60), "{waits:?}");
    }

    #[test]
    fn concurrent_attempts_do_not_escape_the_limit() {
        let (attempts, alice) = (Arc::default(), name("alice"));

        let running: Vec<_> = (0..10)
            .filter_map(|_| SignInAttempts::begin(&attempts, Some(&alice), network(1), START).ok())
            .collect();

        assert_eq!(running.len(), 5);
        drop(running);
        assert!(SignInAttempts::begin(&attempts, Some(&alice), network(1), START).is_ok());
    }

    #[test]
    fn an_attacker_can_lock_out_neither_the_user_nor_the_users_network() {
        let (attempts, alice) = (Arc::default(), name("alice"));
        let begin = |now| SignInAttempts::begin(&attempts, Some(&alice), network(1), now);
        begin(START).unwrap().succeed(START);

        for other in 2..=250 {
            fail(&attempts, &alice, network(other), START);
        }
        for number in 0..100 {
            fail(&attempts, &name(&format!("user{number}")), network(1), START);
        }

        assert!(begin(START).is_ok());
        let stranger = SignInAttempts::begin(&attempts, Some(&alice), network(251), START);
        assert!(stranger.is_err());
    }

    #[test]
    fn failures_are_forgotten() {
        let (attempts, alice) = (Arc::default(), name("alice"));
        for _ in 0..10 {
            fail(&attempts, &alice, network(1), START);
        }

        let later = START.plus(Duration::from_hours(2));

        assert_eq!(fail(&attempts, &alice, network(1), later), Duration::ZERO);
    }
}
