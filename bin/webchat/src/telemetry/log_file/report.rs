//! Log lines about the state of the log file.

use std::path::Path;
use std::time::{Duration, Instant};

use super::queue::Status;

/// The minimum time between two reports of a failure, or of dropped lines.
const REPORT_INTERVAL: Duration = Duration::from_mins(1);

/// A change of the log file's state that is logged.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// The file can't be opened, written or rotated.
    Failed { error: String },
    /// The file can be opened, written and rotated again. In the meantime, lines were dropped.
    Recovered { dropped: u64 },
    /// Lines were dropped although the file is writable, because the queue was full.
    Dropped { dropped: u64 },
}

/// Decides which reports to log.
#[derive(Default)]
pub(super) struct Reporter {
    is_failing: bool,
    dropped: u64,
    reported_at: Option<Instant>,
}

impl Reporter {
    /// Returns a report if this status differs from the reported one.
    pub(super) fn next(&mut self, status: Status, now: Instant) -> Option<Report> {
        let dropped = self.unreported(&status);
        if self.is_failing {
            if status.error.is_some() {
                return None;
            }
            (self.is_failing, self.dropped) = (false, status.dropped);
            return Some(Report::Recovered { dropped });
        }
        let is_recent = |at| now.duration_since(at) < REPORT_INTERVAL;
        if self.reported_at.is_some_and(is_recent) {
            return None;
        }
        let report = match status.error {
            Some(error) => Report::Failed { error },
            None if dropped > 0 => Report::Dropped { dropped },
            None => return None,
        };
        self.is_failing = matches!(report, Report::Failed { .. });
        if !self.is_failing {
            self.dropped = status.dropped;
        }
        self.reported_at = Some(now);
        Some(report)
    }

    /// Returns the number of dropped lines that no report has counted.
    pub(super) fn unreported(&self, status: &Status) -> u64 {
        status.dropped - self.dropped
    }
}

impl Report {
    pub(super) fn log(&self, path: &Path) {
        let file = path.display();
        match self {
            Self::Failed { error } => {
                tracing::error!(%file, error, "failed to write or rotate the log file");
            }
            Self::Recovered { dropped: 0 } => {
                tracing::warn!(%file, "the log file is writable again");
            }
            Self::Recovered { dropped } => {
                tracing::error!(%file, dropped, "the log file is writable again; lines were dropped in the meantime");
            }
            Self::Dropped { dropped } => {
                tracing::error!(%file, dropped, "dropped log lines because the queue of the log file was full");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn working(dropped: u64) -> Status {
        Status { error: None, dropped }
    }

    fn failing(dropped: u64) -> Status {
        Status { error: Some("no space".to_owned()), dropped }
    }

    #[test]
    fn a_failure_and_its_end_are_each_reported_once() {
        let (mut reporter, now) = (Reporter::default(), Instant::now());
        let hours = |hours| now + Duration::from_hours(hours);

        let statuses = [working(0), failing(0), failing(3), failing(7), working(7), working(7)];
        let reports: Vec<_> =
            (0..).zip(statuses).map(|(hour, status)| reporter.next(status, hours(hour))).collect();

        let error = "no space".to_owned();
        let (failed, recovered) = (Report::Failed { error }, Report::Recovered { dropped: 7 });
        assert_eq!(reports, [None, Some(failed), None, None, Some(recovered), None]);
    }

    #[test]
    fn repeated_failures_are_reported_once_a_minute() {
        let (mut reporter, start) = (Reporter::default(), Instant::now());

        let second = |second| {
            let status = if second % 2 == 0 { failing(0) } else { working(0) };
            reporter.next(status, start + Duration::from_secs(second))
        };
        let reports = (0..300).filter_map(second).collect::<Vec<_>>();

        let failures = reports.iter().filter(|report| matches!(report, Report::Failed { .. }));
        assert_eq!((failures.count(), reports.len()), (5, 10));
    }

    #[test]
    fn lines_dropped_without_an_error_are_reported_once_a_minute() {
        let (mut reporter, start) = (Reporter::default(), Instant::now());

        let mut after = |seconds, dropped| {
            reporter.next(working(dropped), start + Duration::from_secs(seconds))
        };

        assert_eq!(after(0, 5), Some(Report::Dropped { dropped: 5 }));
        assert_eq!(after(30, 8), None);
        assert_eq!(after(60, 9), Some(Report::Dropped { dropped: 4 }));
        assert_eq!(after(120, 9), None);
    }
}
