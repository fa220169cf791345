//! Publishes the entries of the audit log that this process has appended.

use webchat_domain::{AUDIT_TARGET, AuditEntry};

/// Publishes an entry as a `tracing` event with the target [`AUDIT_TARGET`], whose field `entry` is the entry as JSON.
/// Adapters call it after the entry is committed.
pub fn publish_audit_entry(entry: &AuditEntry) {
    tracing::info!(target: AUDIT_TARGET, entry = entry.to_json());
}
