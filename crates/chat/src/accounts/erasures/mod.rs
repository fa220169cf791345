//! The erasure of users with everything that they have stored.

mod run;
pub(crate) mod service;
#[cfg(test)]
mod tests;
