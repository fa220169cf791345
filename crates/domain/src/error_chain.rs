//! Formats errors for the log.

use std::error::Error;
use std::iter;

/// Formats an error with all its causes.
#[must_use]
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let chain = iter::successors(Some(error), |&error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
