//! The resource usage of a process, from `/proc`.

use std::fs;

/// The clock ticks in which `/proc/PID/stat` counts CPU time.
const TICKS_PER_SECOND: f64 = 100.0;

/// The CPU time of the process in user and kernel mode, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name, in parentheses, may contain spaces; see proc_pid_stat(5).
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks: f64 =
        fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap()).sum();
    ticks / TICKS_PER_SECOND
}

/// The peak resident memory, in megabytes.
pub(crate) fn peak_memory_mb(pid: u32) -> f64 {
    kilobytes(pid, "VmHWM:") / 1_000.0
}

/// The resident memory, in kilobytes.
pub(crate) fn memory_kb(pid: u32) -> f64 {
    kilobytes(pid, "VmRSS:")
}

fn kilobytes(pid: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let value = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    value.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The number of context switches of all running threads.
pub(crate) fn context_switches(pid: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let statuses =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok());
    let of_thread = |status: String| -> f64 {
        let counts = status.lines().filter_map(|line| line.split_once("_ctxt_switches:"));
        counts.map(|(_, count)| count.trim().parse::<f64>().unwrap()).sum()
    };
    statuses.map(of_thread).sum()
}

/// The bytes that the process has caused to be written to storage.
pub(crate) fn written_bytes(pid: u32) -> f64 {
    let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap();
    let value = io.lines().find_map(|line| line.strip_prefix("write_bytes:")).unwrap();
    value.trim().parse().unwrap()
}
