//! A collection as the server describes it.

use mongodb::bson::Document;

use crate::database::OpenError;

/// An existing collection, or something else with its name.
pub(super) struct ExistingCollection {
    description: Document,
}

impl ExistingCollection {
    /// Takes the server's description from `listCollections`.
    pub(super) fn new(description: Document) -> Self {
        Self { description }
    }

    /// Checks that documents can be changed and deleted in transactions.
    pub(super) fn check_kind(
        &self,
        collection: &'static str,
        location: &str,
    ) -> Result<(), OpenError> {
        let kind = match self.description.get_str("type") {
            Ok("view") => "a view",
            Ok("timeseries") => "a time-series collection",
            _ if self.option("capped") == Some(true) => "a capped collection",
            _ => return Ok(()),
        };
        Err(OpenError::UnusableCollection { location: location.to_owned(), collection, kind })
    }

    /// Whether the collection has this validator, and enforces it.
    pub(super) fn has_validator(&self, wanted: &Document) -> bool {
        let options = self.options();
        let is = |name, expected| {
            options.and_then(|options| options.get_str(name).ok()).is_none_or(|it| it == expected)
        };
        options.and_then(|options| options.get_document("validator").ok()) == Some(wanted)
            && is("validationLevel", "strict")
            && is("validationAction", "error")
    }

    /// Returns the collation of queries and new indexes that don't specify one.
    pub(super) fn default_collation(&self) -> Option<Document> {
        self.options().and_then(|options| options.get_document("collation").ok()).cloned()
    }

    fn option(&self, name: &str) -> Option<bool> {
        self.options().and_then(|options| options.get_bool(name).ok())
    }

    fn options(&self) -> Option<&Document> {
        self.description.get_document("options").ok()
    }
}
