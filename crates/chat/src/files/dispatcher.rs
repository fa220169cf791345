//! The dispatcher of file analyses: starts a worker for each file that has none.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tracing::Instrument;
use webchat_domain::{RunId, error_chain};

use super::work::FileWork;
use super::worker::AnalysisWorker;
use crate::metrics::Gauge;
use crate::runtime::core::Core;
use crate::runtime::periodic::repeat_forever;
use crate::trace;
use crate::turns::lease::LEASE;

/// The interval between searches for files without a worker, including those of dead instances.
pub(super) const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Leases files and starts a worker for each, until the future is dropped.
pub(super) async fn dispatch_files(core: Arc<Core>, work: Arc<FileWork>) {
    let dispatch = || async {
        start_workers(&core, &work).await;
        Ok(())
    };
    repeat_forever("failed to dispatch files", POLL_INTERVAL, dispatch).await;
}

async fn start_workers(core: &Arc<Core>, work: &Arc<FileWork>) {
    // The semaphore is never closed.
    while let Ok(permit) = Arc::clone(&work.files).acquire_owned().await {
        if let Some(worker) = lease_next_file(core, work).await {
            let span = trace::file_analysis(worker.id());
            let analysis = async move {
                let _running = Gauge::FileAnalyses.count();
                worker.run().await;
                drop(permit);
            };
            core.lifecycle.spawn_detached(analysis.instrument(span));
            continue;
        }
        drop(permit);
        timeout(POLL_INTERVAL, work.wake.notified()).await.ok();
    }
}

async fn lease_next_file(core: &Arc<Core>, work: &Arc<FileWork>) -> Option<AnalysisWorker> {
    let run_id = RunId::generate();
    let now = core.now();
    match core.ports.file_jobs.lease_job(run_id, now, now.plus(LEASE)).await {
        Ok(leased) => {
            let (core, work) = (Arc::clone(core), Arc::clone(work));
            leased.map(|leased| AnalysisWorker { core, work, run_id, leased })
        }
        Err(error) => {
            tracing::warn!(error = error_chain(&error), "failed to lease file for analysis");
            None
        }
    }
}
