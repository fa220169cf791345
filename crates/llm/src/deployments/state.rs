//! The state of a deployment, for operators.

use std::time::Duration;

/// The state of a deployment of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentState {
    /// Its name, which is unique among the deployments of the model.
    pub name: String,
    /// The host of its address.
    pub host: Option<String>,
    /// Whether its circuit breaker lets requests through.
    pub breaker: BreakerState,
    /// The remaining time until which it asked to wait.
    pub paused_for: Option<Duration>,
    /// The last failure since the start of the server.
    pub last_failure: Option<DeploymentFailure>,
    /// The time from the last request that was answered to the beginning of its answer.
    pub answered_after: Option<Duration>,
}

/// The state of a circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// It lets all requests through.
    Closed,
    /// It rejects requests, because the deployment has failed repeatedly.
    Open,
    /// One request finds out whether the deployment works again.
    HalfOpen,
}

/// A failure of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentFailure {
    /// The code of the error: see [`ModelError::code`](crate::ModelError::code).
    pub code: &'static str,
    /// How long ago it happened.
    pub age: Duration,
}
