//! Message versions: edits questions, regenerates answers, and selects versions.

mod edit;
mod file_analysis;
mod regenerate;
mod select;
#[cfg(test)]
mod tests;
