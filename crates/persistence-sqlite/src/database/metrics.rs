//! The metrics of the database, described in `docs/metrics.md`.

use metrics::{Unit, describe_gauge, gauge};
use webchat_persistence::GaugeGuard;

const READS_WAITING: &str = "webchat_sqlite_reads_waiting";
const WRITES_WAITING: &str = "webchat_sqlite_writes_waiting";
const WAL_BYTES: &str = "webchat_sqlite_wal_bytes";

/// Describes the metrics of this crate to the recorder. Call it once, after the recorder is installed.
pub fn describe_metrics() {
    describe_gauge!(READS_WAITING, "Reads that wait for a connection");
    describe_gauge!(WRITES_WAITING, "Changes that wait for other changes");
    describe_gauge!(WAL_BYTES, Unit::Bytes, "The size of the write-ahead log");
    for name in [READS_WAITING, WRITES_WAITING, WAL_BYTES] {
        gauge!(name).set(0.0);
    }
}

pub(super) fn waiting_read() -> GaugeGuard {
    GaugeGuard::new(gauge!(READS_WAITING))
}

pub(super) fn waiting_write() -> GaugeGuard {
    GaugeGuard::new(gauge!(WRITES_WAITING))
}

pub(super) fn record_wal_bytes(bytes: u64) {
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "a size need not be exact"
    )]
    gauge!(WAL_BYTES).set(bytes as f64);
}
