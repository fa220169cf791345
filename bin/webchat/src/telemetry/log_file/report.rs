//! What the log says about the log file.

use std::path::Path;
use std::time::{Duration, Instant};

use super::queue::Status;

/// The minimum time between two lines about a file that fails again, or about dropped lines.
const REPORT_INTERVAL: Duration = Duration::from_mins(1);

/// Something to log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// The file began to fail.
    Failing { error: String },
    /// It no longer fails. Meanwhile, lines were dropped.
    Recovered { dropped: u64 },
    /// Lines were dropped although it works: they came too fast.
    Dropped { dropped: u64 },
}

/// Decides what to log.
#[derive(Default)]
pub(super) struct Reporter {
    is_failing: bool,
    dropped: u64,
    reported_at: Option<Instant>,
}

impl Reporter {
    /// Returns what to log, if this status differs from what was logged.
    pub(super) fn next(&mut self, status: Status, now: Instant) -> Option<Report> {
        let dropped = status.dropped - self.dropped;
        if self.is_failing {
            if status.problem.is_some() {
                return None;
            }
            (self.is_failing, self.dropped) = (false, status.dropped);
            return Some(Report::Recovered { dropped });
        }
        let is_recent = |at| now.duration_since(at) < REPORT_INTERVAL;
        if self.reported_at.is_some_and(is_recent) {
            return None;
        }
        let report = match status.problem {
            Some(error) => Report::Failing { error },
            None if dropped > 0 => Report::Dropped { dropped },
            None => return None,
        };
        self.is_failing = matches!(report, Report::Failing { .. });
        if !self.is_failing {
            self.dropped = status.dropped;
        }
        self.reported_at = Some(now);
        Some(report)
    }
}

impl Report {
    pub(super) fn log(&self, path: &Path) {
        let file = path.display();
        match self {
            Self::Failing { error } => tracing::error!(%file, error, "the log file fails"),
            Self::Recovered { dropped: 0 } => tracing::warn!(%file, "the log file works again"),
            Self::Recovered { dropped } => {
                tracing::error!(%file, dropped, "the log file works again: lines were dropped");
            }
            Self::Dropped { dropped } => {
                tracing::error!(%file, dropped, "lines of the log file were dropped");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn working(dropped: u64) -> Status {
        Status { problem: None, dropped }
    }

    fn failing(dropped: u64) -> Status {
        Status { problem: Some("no space".to_owned()), dropped }
    }

    #[test]
    fn a_failure_is_reported_once_and_so_is_its_end_with_the_dropped_lines() {
        let (mut reporter, now) = (Reporter::default(), Instant::now());
        let hours = |hours| now + Duration::from_hours(hours);

        let statuses = [working(0), failing(0), failing(3), failing(7), working(7), working(7)];
        let reports: Vec<_> =
            (0..).zip(statuses).map(|(hour, status)| reporter.next(status, hours(hour))).collect();

        let error = "no space".to_owned();
        let (failing, recovered) = (Report::Failing { error }, Report::Recovered { dropped: 7 });
        assert_eq!(reports, [None, Some(failing), None, None, Some(recovered), None]);
    }

    #[test]
    fn a_file_that_fails_again_and_again_is_reported_once_a_minute() {
        let (mut reporter, start) = (Reporter::default(), Instant::now());

        let second = |second| {
            let status = if second % 2 == 0 { failing(0) } else { working(0) };
            reporter.next(status, start + Duration::from_secs(second))
        };
        let reports = (0..300).filter_map(second).collect::<Vec<_>>();

        let failures = reports.iter().filter(|report| matches!(report, Report::Failing { .. }));
        assert_eq!((failures.count(), reports.len()), (5, 10));
    }

    #[test]
    fn lines_dropped_by_a_working_file_are_reported_once_a_minute() {
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
