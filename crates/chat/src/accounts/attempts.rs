//! Delays after failed attempts to sign in, which grow with the number of failures.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use webchat_domain::{AccountName, DeviceId, Network, Timestamp};

/// The maximum number of entries of each kind. Beyond it, the oldest are forgotten.
const MAX_ENTRIES: usize = 50_000;

/// The failures before further attempts must wait: with one name from one origin, from one network, with one name, and with
/// one name from known devices.
const FREE_NAME_AND_ORIGIN: u32 = 5;
const FREE_NETWORK: u32 = 30;
const FREE_NAME: u32 = 100;
const FREE_DEVICES: u32 = 10;

/// The limit for one name from one origin: someone who has forgotten a password, or guesses one.
const NAME_AND_ORIGIN: Limit = Limit {
    free_failures: FREE_NAME_AND_ORIGIN,
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

/// The limit for one name from all known devices: someone who has collected devices, to guess a password or to use the
/// server's time.
const DEVICES: Limit = Limit {
    free_failures: FREE_DEVICES,
    forgotten_after: Duration::from_mins(1),
    max_delay: Duration::from_mins(5),
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
/// The limits of networks and of names don't apply to a device on which the user has signed in before, so that an
/// attacker can't lock the user out. These devices share a limit of their own.
#[derive(Default)]
pub(crate) struct SignInAttempts(Mutex<Attempts>);

#[derive(Default)]
struct Attempts {
    names_with_origins: Failures<(AccountName, Origin)>,
    networks: Failures<Network>,
    names: Failures<AccountName>,
    names_on_devices: Failures<AccountName>,
}

/// Where an attempt comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    /// A device on which the user has signed in before.
    Device(DeviceId),
    /// Any other client in this network.
    Network(Network),
}

/// An attempt that counts as failed while it runs, so that concurrent ones don't escape the limits. It still does when it
/// is dropped, because the client may have disconnected to learn nothing but to use the server's time.
pub(crate) struct Attempt {
    attempts: Arc<SignInAttempts>,
    name: Option<AccountName>,
    origin: Origin,
}

/// The failures by key.
struct Failures<K>(HashMap<K, Entry>);

#[derive(Clone, Copy)]
struct Entry {
    /// The failures that were not forgotten at `counted_at`, and the running attempts.
    count: u32,
    counted_at: Timestamp,
    last_attempt: Timestamp,
}

impl SignInAttempts {
    /// Begins an attempt with this name, or with none if it is invalid.
    ///
    /// # Errors
    /// The time until the next attempt is allowed.
    pub(crate) fn begin(
        this: &Arc<Self>,
        name: Option<&AccountName>,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Attempt, Duration> {
        let mut attempts = this.lock();
        let pair = name.map(|name| (name.clone(), origin));
        let mut wait = attempts.names_with_origins.wait(pair.as_ref(), NAME_AND_ORIGIN, now);
        let network = origin.network();
        wait = match &network {
            Some(network) => wait
                .max(attempts.networks.wait(Some(network), NETWORK, now))
                .max(attempts.names.wait(name, NAME, now)),
            None => wait.max(attempts.names_on_devices.wait(name, DEVICES, now)),
        };
        if !wait.is_zero() {
            return Err(wait);
        }
        attempts.names_with_origins.count(pair, NAME_AND_ORIGIN, now);
        if network.is_some() {
            attempts.networks.count(network, NETWORK, now);
            attempts.names.count(name.cloned(), NAME, now);
        } else {
            attempts.names_on_devices.count(name.cloned(), DEVICES, now);
        }
        Ok(Attempt { attempts: Arc::clone(this), name: name.cloned(), origin })
    }

    fn lock(&self) -> MutexGuard<'_, Attempts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Origin {
    fn network(self) -> Option<Network> {
        match self {
            Self::Device(_) => None,
            Self::Network(network) => Some(network),
        }
    }
}

impl Attempt {
    /// Ends the attempt: the password was right. Forgets the failures with this name from this origin.
    pub(crate) fn succeed(self) {
        if let Some(pair) = self.pair() {
            self.attempts.lock().names_with_origins.0.remove(&pair);
        }
        self.cancel();
    }

    /// Ends the attempt: no password was checked. It does not count any more.
    pub(crate) fn cancel(self) {
        let pair = self.pair();
        let mut attempts = self.attempts.lock();
        attempts.names_with_origins.uncount(pair.as_ref());
        if let Some(network) = self.origin.network() {
            attempts.networks.uncount(Some(&network));
            attempts.names.uncount(self.name.as_ref());
        } else {
            attempts.names_on_devices.uncount(self.name.as_ref());
        }
    }

    fn pair(&self) -> Option<(AccountName, Origin)> {
        self.name.clone().map(|name| (name, self.origin))
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
        delay.saturating_sub(entry.last_attempt.until(now))
    }

    fn count(&mut self, key: Option<K>, limit: Limit, now: Timestamp) {
        let Some(key) = key else { return };
        if self.0.len() >= MAX_ENTRIES && !self.0.contains_key(&key) {
            self.make_room(limit, now);
        }
        let new = Entry { count: 0, counted_at: now, last_attempt: now };
        let entry = self.0.entry(key).or_insert(new);
        *entry = entry.at(limit, now);
        entry.count = entry.count.saturating_add(1);
        // At once, so that only one of several concurrent attempts is allowed after the delay.
        entry.last_attempt = now;
    }

    fn uncount(&mut self, key: Option<&K>) {
        if let Some(entry) = key.and_then(|key| self.0.get_mut(key)) {
            entry.count = entry.count.saturating_sub(1);
        }
    }

    /// Removes the forgotten entries or, if these are few, the older half, so that this is rarely necessary.
    fn make_room(&mut self, limit: Limit, now: Timestamp) {
        self.0.retain(|_, entry| entry.at(limit, now).count > 0);
        if self.0.len() < MAX_ENTRIES / 4 * 3 {
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

    fn network(last: u8) -> Origin {
        Origin::Network(Network::of([192, 0, 2, last].into()))
    }

    /// Fails at this time. Returns the time to wait instead if the attempt is not allowed.
    fn fail(
        attempts: &Arc<SignInAttempts>,
        name: &AccountName,
        origin: Origin,
        now: Timestamp,
    ) -> Duration {
        SignInAttempts::begin(attempts, Some(name), origin, now).err().unwrap_or_default()
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
        let begin_ten = |now| -> Vec<Attempt> {
            let begin = || SignInAttempts::begin(&attempts, Some(&alice), network(1), now).ok();
            (0..10).filter_map(|_| begin()).collect()
        };

        let at_first = begin_ten(START);
        let after_the_delay = begin_ten(START.plus(Duration::from_mins(15)));

        assert_eq!((at_first.len(), after_the_delay.len()), (5, 1));
        at_first.into_iter().chain(after_the_delay).for_each(Attempt::cancel);
        assert_eq!(begin_ten(START.plus(Duration::from_mins(30))).len(), 5);
    }

    #[test]
    fn an_attempt_that_is_abandoned_counts_as_failed() {
        let (attempts, alice) = (Arc::default(), name("alice"));

        for _ in 0..5 {
            drop(SignInAttempts::begin(&attempts, Some(&alice), network(1), START).unwrap());
        }

        assert!(SignInAttempts::begin(&attempts, Some(&alice), network(1), START).is_err());
    }

    #[test]
    fn an_attacker_can_not_lock_out_a_user_on_a_known_device() {
        let (attempts, alice) = (Arc::default(), name("alice"));
        let device = Origin::Device(DeviceId::generate());

        for other in 1..=250 {
            fail(&attempts, &alice, network(other), START);
        }
        for number in 0..100 {
            fail(&attempts, &name(&format!("user{number}")), network(1), START);
        }

        let begin = |origin| SignInAttempts::begin(&attempts, Some(&alice), origin, START);
        begin(device).unwrap().succeed();
        assert!(begin(network(251)).is_err());
    }

    #[test]
    fn devices_of_an_account_share_a_limit() {
        let (attempts, alice) = (Arc::default(), name("alice"));
        let begin = || {
            let device = Origin::Device(DeviceId::generate());
            SignInAttempts::begin(&attempts, Some(&alice), device, START).ok()
        };

        let running: Vec<_> = (0..20).filter_map(|_| begin()).collect();

        assert_eq!(running.len(), 10);
        running.into_iter().for_each(Attempt::succeed);
        assert!(begin().is_some());
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
