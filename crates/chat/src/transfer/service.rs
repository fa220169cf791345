//! The export and import service. Each use case has its own module.

use std::sync::Arc;

use super::import_registry::ImportRegistry;
use crate::runtime::core::Core;

/// Export and import.
#[derive(Clone)]
pub struct Transfer {
    pub(super) core: Arc<Core>,
    pub(super) imports: Arc<ImportRegistry>,
}

impl Transfer {
    pub(crate) fn new(core: &Arc<Core>) -> Self {
        Self { core: Arc::clone(core), imports: Arc::default() }
    }
}
