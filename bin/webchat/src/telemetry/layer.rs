//! The layers of the subscriber.

use tracing_subscriber::{Layer, Registry};

/// A receiver of spans and events, with its own filter.
pub(crate) type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;
