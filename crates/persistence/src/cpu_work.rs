//! Threads for CPU-bound work, such as searching and counting tokens.
//!
//! They have a lower priority than the other threads. Otherwise a few searches and imports would delay the requests of
//! all users on a machine with few cores.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::LazyLock;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, spawn_blocking};

/// The increment of the threads' nice value. While other threads need the processor, such a thread gets about a tenth
/// of the time of a normal one.
const NICE: i32 = 10;

/// A runtime for its blocking threads only. It is separate, because all threads of a runtime start with the same
/// priority. `None` if it can't be created; the work then has the normal priority.
static RUNTIME: LazyLock<Option<Runtime>> =
    LazyLock::new(|| Builder::new_current_thread().on_thread_start(lower_priority).build().ok());

/// Runs CPU-bound work like [`spawn_blocking`], but with a lower priority (on Linux only). Callers limit how much of it
/// runs concurrently. The work must not hold locks that requests wait for.
///
/// # Cancellation
/// Dropping the handle does not stop the work. The process can exit while it runs.
///
/// # Panics
/// If it is called outside a Tokio runtime.
pub fn spawn_cpu_work<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let Some(runtime) = &*RUNTIME else { return spawn_blocking(work) };
    let (sender, receiver) = sync_channel(1);
    runtime.spawn_blocking(move || sender.send(catch_unwind(AssertUnwindSafe(work))));
    // A thread of the caller's runtime waits for the result, so that this runtime does not count as idle.
    spawn_blocking(move || match receiver.recv() {
        Ok(Ok(value)) => value,
        Ok(Err(panic)) => resume_unwind(panic),
        Err(dropped) => resume_unwind(Box::new(dropped)),
    })
}

/// Returns the processor time that this thread has used.
#[must_use]
pub fn thread_cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// Lowers the priority of this thread. Systems other than Linux would lower the priority of the whole process.
fn lower_priority() {
    if cfg!(target_os = "linux") {
        rustix::process::nice(NICE).ok();
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs;

    use super::*;

    /// Returns the nice value of this thread, see `proc_pid_stat(5)`.
    fn nice() -> i32 {
        let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        fields.split(' ').nth(16).unwrap().parse().unwrap()
    }

    #[tokio::test]
    async fn cpu_work_has_a_lower_priority_than_other_threads() {
        let normal = spawn_blocking(nice).await.unwrap();

        let lowered = spawn_cpu_work(nice).await.unwrap();

        assert!(lowered > normal || lowered == 19, "expected more than {normal}, got {lowered}");
        assert_eq!(spawn_blocking(nice).await.unwrap(), normal);
    }
}
