//! Export and import of conversations.

mod imports;
mod limits;
mod round_trip;
mod support;
