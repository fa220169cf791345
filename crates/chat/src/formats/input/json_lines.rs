//! Recognises files with a JSON value in each line.

/// Whether each line of a file begins a value.
#[derive(Default)]
pub(super) struct JsonLines {
    evidence: Evidence,
    is_after_break: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Evidence {
    /// No line break was read yet.
    #[default]
    None,
    /// The first line is an object.
    FirstLine,
    /// The second line begins with an object, too.
    BothLines,
    /// The first value does not end with the first line.
    Contrary,
}

impl JsonLines {
    /// Returns whether the next byte is the first one of a line.
    pub(super) fn is_after_break(&self) -> bool {
        self.is_after_break
    }

    /// Returns whether the byte begins a new value, even if brackets of the previous one are missing.
    pub(super) fn begins_value(&mut self, byte: u8, is_after_object: bool) -> bool {
        let begins_line = std::mem::replace(&mut self.is_after_break, byte == b'\n');
        let begins_object = begins_line && byte == b'{';
        self.evidence = match (self.evidence, byte) {
            (Evidence::None, b'\n') if is_after_object => Evidence::FirstLine,
            (Evidence::None, b'\n') => Evidence::Contrary,
            (Evidence::FirstLine, _) if begins_object => Evidence::BothLines,
            (evidence, _) => evidence,
        };
        begins_object && self.evidence == Evidence::BothLines
    }
}
