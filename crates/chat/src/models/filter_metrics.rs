//! Counts what the content filters of providers find, without texts.

use metrics::{Label, counter, describe_counter};
use strum::IntoStaticStr;
use webchat_domain::ModelId;
use webchat_llm::FilteredCategory;

const FILTERED: &str = "webchat_model_filtered_total";

/// What a content filter has refused or ended. Its `strum` name is its metric label.
#[derive(Clone, Copy, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum FilteredText {
    Request,
    Answer,
}

pub(crate) fn describe() {
    describe_counter!(
        FILTERED,
        "Requests and answers that a content filter refused or ended, by model, category and severity"
    );
}

/// Starts the series of a model at 0.
pub(super) fn start_series(model: &ModelId) {
    for text in [FilteredText::Request, FilteredText::Answer] {
        count(model, text, None, 0);
    }
}

/// Counts a request or an answer once for each category that was found, or once with the category `unknown`.
pub(super) fn count_filtered(model: &ModelId, text: FilteredText, found: &[FilteredCategory]) {
    for category in found {
        count(model, text, Some(category), 1);
    }
    if found.is_empty() {
        count(model, text, None, 1);
    }
}

fn count(model: &ModelId, text: FilteredText, category: Option<&FilteredCategory>, added: u64) {
    let severity = category.and_then(|category| category.severity);
    let labels = [
        Label::new("model", model.to_string()),
        Label::new("text", <&'static str>::from(text)),
        Label::new("category", category.map_or("unknown", FilteredCategory::known_name)),
        Label::new("severity", severity.map_or("none", <&'static str>::from)),
    ];
    counter!(FILTERED, labels.iter()).increment(added);
}
