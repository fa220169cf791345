//! Message versions: edits questions, regenerates answers, and selects versions.

mod edit;
mod regenerate;
mod select;
#[cfg(test)]
mod tests;
