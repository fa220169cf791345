//! The fields of a request's body, one by one, so that an error names its field.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::OpenAiError;
use crate::error::json_error::describe;

/// The fields of a JSON object that are not read yet.
pub(super) struct Fields(pub(super) Map<String, Value>);

impl Fields {
    /// Takes a field. `null` means that it is missing.
    pub(super) fn take<T: DeserializeOwned>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, OpenAiError> {
        let value = self.0.remove(name).filter(|value| !value.is_null());
        value.map(|value| parse(name, value)).transpose()
    }

    /// Takes a field that must be there.
    pub(super) fn require<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, OpenAiError> {
        self.take(name)?.ok_or_else(|| OpenAiError::InvalidField {
            message: format!("The field `{name}` is missing."),
            param: Some(name.to_owned()),
            code: "missing_required_parameter",
        })
    }
}

/// Parses the value of a field. The error contains no values.
pub(super) fn parse<T: DeserializeOwned>(name: &str, value: Value) -> Result<T, OpenAiError> {
    serde_json::from_value(value).map_err(|error| OpenAiError::invalid(name, describe(&error)))
}
