//! JSON of which only some fields matter. The others may be anything, and so may the types of those that do.

pub(crate) mod object;
pub(crate) mod repair;
pub(crate) mod text_decoder;
