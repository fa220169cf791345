//! Truncates strings from clients for errors and the log.

/// Returns at most the first `max` characters.
pub(crate) fn truncate(text: &str, max: usize) -> &str {
    text.char_indices().nth(max).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_truncated_between_characters() {
        assert_eq!(truncate("größer", 4), "größ");
        assert_eq!(truncate("größer", 6), "größer");
        assert_eq!(truncate("", 0), "");
    }
}
