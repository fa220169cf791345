//! Export and import of conversations.

mod imports;
mod large_imports;
mod limits;
mod round_trip;
mod support;
