//! Rules for edits of a conversation.

use webchat_domain::Conversation;

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

/// Applies an edit. `updated_at` stays: only messages move a conversation in the list.
#[must_use]
pub fn apply_edit(edit: &Edit, current: Conversation) -> Conversation {
    Conversation {
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
    fn an_edit_changes_only_the_given_fields() {
        let current = Conversation::fixture();
        let title = Title::try_from("Mine".to_owned()).ok();
        let rename = Edit { title: title.clone(), ..Edit::default() };
        let archive = Edit { archived: Some(true), ..Edit::default() };

        let renamed = apply_edit(&rename, current.clone());
        let archived = apply_edit(&archive, current.clone());

        assert_eq!(renamed, Conversation { title, ..current.clone() });
        assert_eq!(archived, Conversation { archived: true, ..current });
    }
}
