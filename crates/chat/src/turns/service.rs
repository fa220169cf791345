//! The turn service. Each use case has its own module.

use std::sync::Arc;

use super::recovery::liveness::Liveness;
use super::registry::RunningTurns;
use super::stopper::TurnStopper;
use crate::runtime::core::Core;

/// Questions and the model's answers.
#[derive(Clone)]
pub struct Turns {
    pub(super) core: Arc<Core>,
    pub(super) running: Arc<RunningTurns>,
    pub(crate) liveness: Arc<Liveness>,
    pub(super) stopper: TurnStopper,
}

impl Turns {
    pub(crate) fn new(core: &Arc<Core>, running: &Arc<RunningTurns>, stopper: TurnStopper) -> Self {
        let liveness = Arc::new(Liveness::new());
        Self { core: Arc::clone(core), running: Arc::clone(running), liveness, stopper }
    }
}
