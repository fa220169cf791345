//! Whether another version may become visible.

use webchat_domain::TurnId;

use crate::SelectOutcome;

/// Checks a selection of the message, given whether it is visible; `None` if there is no such message.
///
/// # Errors
/// The outcome where nothing is to be changed.
pub fn check_select(
    is_active: Option<bool>,
    running_turn: Option<TurnId>,
) -> Result<(), SelectOutcome> {
    match is_active {
        None => Err(SelectOutcome::NotFound),
        Some(true) => Err(SelectOutcome::Visible { changed: false }),
        Some(false) if running_turn.is_some() => Err(SelectOutcome::TurnInProgress),
        Some(false) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_turn_rejects_only_a_selection_that_changes_something() {
        let turn = Some(TurnId::generate());

        assert_eq!(check_select(None, turn), Err(SelectOutcome::NotFound));
        let unchanged = Err(SelectOutcome::Visible { changed: false });
        assert_eq!(check_select(Some(true), turn), unchanged);
        assert_eq!(check_select(Some(false), turn), Err(SelectOutcome::TurnInProgress));
        assert_eq!(check_select(Some(false), None), Ok(()));
    }
}
