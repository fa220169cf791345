//! Text from clients, in errors and in the log.

/// Returns at most the first `max` characters.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    text.char_indices().nth(max).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("größer", 4), "größ");
        assert_eq!(cut("größer", 6), "größer");
        assert_eq!(cut("", 0), "");
    }
}
