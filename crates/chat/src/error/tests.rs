use super::*;

#[test]
fn revision_and_position_conflicts_share_a_code_and_context_conflicts_have_another() {
    let position = ChatError::PositionConflict { position: 2 };

    assert_eq!(position.code(), "stale");
    assert_eq!(ChatError::RevisionConflict.code(), "stale");
    assert_eq!(ChatError::ContextConflict.code(), "context_changed");
}

#[test]
fn file_size_limit_is_formatted_in_megabytes() {
    let text = |megabyte_tenths: usize| {
        let max_bytes = megabyte_tenths * 1024 * 1024 / 10;
        ChatError::FileTooLarge { max_bytes }.to_string()
    };

    assert_eq!(text(50), "The file is too large: at most 5 MB are accepted.");
    assert_eq!(text(25), "The file is too large: at most 2.5 MB are accepted.");
}
