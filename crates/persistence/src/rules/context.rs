//! Rules for the context when its conversation changes.

/// Whether a summary of the messages up to position `through` is kept when the message at `position`
/// changes or leaves the visible path. The context's revision increases in any case, so that a summary
/// of the old path is not stored.
#[must_use]
pub fn is_summary_kept(through: u64, position: u64) -> bool {
    through < position
}

/// Returns the revision after a change of the context by the user, or by a change of the conversation. A writer that has
/// not seen the change gets a conflict.
#[must_use]
pub fn next_revision(revision: u64) -> u64 {
    revision + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_kept_only_if_all_messages_it_covers_stay() {
        assert!(is_summary_kept(4, 5));
        assert!(!is_summary_kept(5, 5));
        assert!(!is_summary_kept(9, 5));
    }
}
