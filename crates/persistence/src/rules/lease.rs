//! Whether a turn's lease on its conversation is still valid.

use webchat_domain::{Timestamp, TurnId};

/// Returns the conversation's turn if its lease is valid at `now`. A turn without a lease has ended, and
/// is remembered only until its end is published.
#[must_use]
pub fn running_turn(
    turn_id: Option<TurnId>,
    lease_until: Option<Timestamp>,
    now: Timestamp,
) -> Option<TurnId> {
    turn_id.filter(|_| lease_until.is_some_and(|until| until > now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_runs_until_its_lease_expires() {
        let (turn, until) = (Some(TurnId::generate()), Timestamp::from_unix_millis(9));

        assert_eq!(running_turn(turn, Some(until), Timestamp::from_unix_millis(8)), turn);
        assert_eq!(running_turn(turn, Some(until), until), None);
        assert_eq!(running_turn(turn, None, until), None);
        assert_eq!(running_turn(None, Some(until), Timestamp::from_unix_millis(8)), None);
    }
}
