//! Rules for edits of a conversation.

use webchat_domain::{Conversation, Timestamp};

use crate::{Edit, EditOutcome};

/// Checks that the conversation is in the state that the edit expects.
///
/// # Errors
/// [`EditOutcome::Conflict`]: nothing may be changed.
pub fn check_edit(edit: &Edit, current: &Conversation) -> Result<(), EditOutcome> {
    match &edit.expected {
        Some(expected) if expected != current => Err(EditOutcome::Conflict),
        _ => Ok(()),
    }
}

/// Applies an edit. Archiving alone keeps `updated_at`.
#[must_use]
pub fn apply_edit(edit: &Edit, current: Conversation, now: Timestamp) -> Conversation {
    Conversation {
        updated_at: if edit.title.is_some() { now } else { current.updated_at },
        title: edit.title.clone().or(current.title),
        archived: edit.archived.unwrap_or(current.archived),
        ..current
    }
}

#[cfg(test)]
mod tests {
    use webchat_domain::Title;

    use super::*;

    #[test]
    fn an_edit_based_on_an_outdated_state_is_a_conflict() {
        let current = Conversation::fixture();
        let expected = Conversation { message_count: 9, ..current.clone() };
        let expecting = |expected| Edit { expected: Some(expected), ..Edit::default() };

        assert_eq!(check_edit(&Edit::default(), &current), Ok(()));
        assert_eq!(check_edit(&expecting(current.clone()), &current), Ok(()));
        assert_eq!(check_edit(&expecting(expected), &current), Err(EditOutcome::Conflict));
    }

    #[test]
    fn a_new_title_sets_updated_at_and_archiving_does_not() {
        let (current, now) = (Conversation::fixture(), Timestamp::from_unix_millis(9));
        let title = Title::try_from("Mine".to_owned()).ok();
        let rename = Edit { title: title.clone(), ..Edit::default() };
        let archive = Edit { archived: Some(true), ..Edit::default() };

        let renamed = apply_edit(&rename, current.clone(), now);
        let archived = apply_edit(&archive, current.clone(), now);

        assert_eq!(renamed, Conversation { title, updated_at: now, ..current.clone() });
        assert_eq!(archived, Conversation { archived: true, ..current });
    }
}
