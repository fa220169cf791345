//! What the system knows of a process.

use std::fs;

/// A unit of `/proc/PID/stat`, the same in all of Linux's interfaces.
const TICKS_PER_SECOND: f64 = 100.0;

/// What the process has had of the processors, in user and kernel mode.
pub(crate) fn cpu_seconds(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name, in parentheses, may hold spaces; see proc_pid_stat(5).
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks: f64 =
        fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap()).sum();
    ticks / TICKS_PER_SECOND
}

/// What it had in memory at most, in megabytes.
pub(crate) fn peak_memory(process: u32) -> f64 {
    kilobytes(process, "VmHWM:") / 1_000.0
}

/// What it has in memory, in kilobytes.
pub(crate) fn memory_kb(process: u32) -> f64 {
    kilobytes(process, "VmRSS:")
}

fn kilobytes(process: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let value = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    value.trim().trim_end_matches(" kB").parse().unwrap()
}
