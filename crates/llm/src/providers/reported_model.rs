//! The name of the model, as it reports it.

use std::sync::{Arc, PoisonError, RwLock};

/// The name of the model in its last response.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReportedModel(Arc<RwLock<Option<String>>>);

impl ReportedModel {
    pub(crate) fn get(&self) -> Option<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stores the name. llama.cpp reports the path of the model's file: only the file's name is stored,
    /// because paths are internal.
    pub(super) fn set(&self, name: &str) {
        let file = name.strip_suffix(".gguf").and_then(|path| path.rsplit(['/', '\\']).next());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) =
            Some(file.unwrap_or(name).to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_reports_a_path_has_the_name_of_the_file() {
        for (reported, expected) in [
            ("/home/me/models/SmolLM2.gguf", "SmolLM2"),
            ("C:\\models\\SmolLM2.gguf", "SmolLM2"),
            ("meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-8B"),
        ] {
            let name = ReportedModel::default();

            name.set(reported);

            assert_eq!(name.get().as_deref(), Some(expected));
        }
    }
}
