//! The type of the `tracing` layers.

use tracing_subscriber::{Layer, Registry};

/// A layer that receives spans and events, with its own filter.
pub(crate) type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;
