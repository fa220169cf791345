//! Recognises comments, as people write them into files that they edit.

/// The place in a comment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Comment {
    /// After a slash, which may begin a comment.
    Slash,
    Line,
    Block,
    /// After an asterisk, which may end a block.
    BlockAsterisk,
}

/// What the next byte of a comment means.
pub(super) enum Next {
    Inside(Comment),
    End,
    /// The slash does not begin a comment.
    NoComment,
}

impl Comment {
    /// Returns the comment that the byte begins outside of strings.
    pub(super) fn begin(byte: u8) -> Option<Self> {
        match byte {
            b'/' => Some(Self::Slash),
            b'#' => Some(Self::Line),
            _ => None,
        }
    }

    pub(super) fn next(self, byte: u8) -> Next {
        match (self, byte) {
            (Self::Slash, b'/') => Next::Inside(Self::Line),
            (Self::Slash, b'*') => Next::Inside(Self::Block),
            (Self::Slash, _) => Next::NoComment,
            (Self::Line, b'\n') | (Self::BlockAsterisk, b'/') => Next::End,
            (Self::Block | Self::BlockAsterisk, b'*') => Next::Inside(Self::BlockAsterisk),
            (Self::BlockAsterisk, _) => Next::Inside(Self::Block),
            (comment, _) => Next::Inside(comment),
        }
    }
}
