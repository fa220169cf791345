//! Formats errors and panics for the log.

use std::any::Any;
use std::iter;

/// Formats an error with all its causes.
#[must_use]
pub fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let chain: Vec<String> =
        iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect();
    chain.join(": ")
}

pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_owned())
}
