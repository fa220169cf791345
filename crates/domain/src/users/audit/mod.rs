//! The audit log: who did what to whom, without anything that was said in a chat.

mod action;
mod actor;
mod entry;
mod hash;
#[cfg(test)]
mod tests;
mod texts;

pub use action::{AuditAction, AuditActionKind, SignInFailure};
pub use actor::{AccessMethod, Actor};
pub use entry::{AuditEntry, AuditLink, AuditResult, AuditSubject, NewAuditEntry};
pub use hash::{AuditHash, InvalidAuditHash};
pub use texts::{AuditReason, InvalidAuditReason, InvalidRequestId, RequestId};
