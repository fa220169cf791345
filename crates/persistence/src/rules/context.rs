//! How a context changes with its conversation.

/// Whether a summary of the messages up to position `through` is kept when the message at `position`
/// changes or leaves the visible path. The context's revision rises in any case, so that a summary
/// made from the old path is not stored.
#[must_use]
pub fn is_summary_kept(through: u64, position: u64) -> bool {
    through < position
}

/// The revision after a change of the context, whether the user changed it or it changed with the conversation.
/// A writer that has not seen the change gets a conflict.
#[must_use]
pub fn next_revision(revision: u64) -> u64 {
    revision + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_kept_only_where_all_that_it_covers_stays() {
        assert!(is_summary_kept(4, 5));
        assert!(!is_summary_kept(5, 5));
        assert!(!is_summary_kept(9, 5));
    }
}
