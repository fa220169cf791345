//! Rules for selecting another version.

use webchat_domain::TurnId;

use super::path::PathNode;
use crate::SelectOutcome;

/// Checks whether this message can be made visible, and returns it. `message` is `None` if it doesn't exist.
///
/// # Errors
/// The outcome without a change: the message doesn't exist or is visible already, or a turn is running.
pub fn check_select(
    message: Option<PathNode>,
    running_turn: Option<TurnId>,
) -> Result<PathNode, SelectOutcome> {
    match message {
        None => Err(SelectOutcome::NotFound),
        Some(node) if node.is_active => Err(SelectOutcome::Visible { changed: false }),
        Some(_) if running_turn.is_some() => Err(SelectOutcome::TurnInProgress),
        Some(node) => Ok(node),
    }
}

#[cfg(test)]
mod tests {
    use webchat_domain::MessageId;

    use super::*;

    #[test]
    fn only_a_hidden_message_cannot_be_selected_while_a_turn_runs() {
        let turn = Some(TurnId::generate());
        let hidden = PathNode {
            message_id: MessageId::generate(),
            parent_id: None,
            position: 1,
            token_count: 7,
            is_active: false,
        };
        let visible = PathNode { is_active: true, ..hidden };

        assert_eq!(check_select(None, turn), Err(SelectOutcome::NotFound));
        let unchanged = Err(SelectOutcome::Visible { changed: false });
        assert_eq!(check_select(Some(visible), turn), unchanged);
        assert_eq!(check_select(Some(hidden), turn), Err(SelectOutcome::TurnInProgress));
        assert_eq!(check_select(Some(hidden), None), Ok(hidden));
    }
}
