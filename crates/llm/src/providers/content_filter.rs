//! The results of Azure's content filter.

use std::collections::BTreeMap;

use serde_json::Value;

use super::label::safe_label;
use crate::content_filter::{FilterSeverity, FilteredCategory};

/// Returns the filtered categories, in the order of their names. Searches all of the JSON, because the place of the
/// results differs between versions, and between requests and answers. Of several results of a category, the most
/// severe one counts. See <https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter>.
pub(super) fn filtered_categories(results: &Value) -> Vec<FilteredCategory> {
    let mut categories = BTreeMap::new();
    collect(results, &mut categories);
    categories.into_iter().map(|(name, severity)| FilteredCategory { name, severity }).collect()
}

/// Recursion is bounded by the JSON parser's depth limit.
fn collect(results: &Value, categories: &mut BTreeMap<String, Option<FilterSeverity>>) {
    match results {
        Value::Object(fields) => {
            for (name, result) in fields {
                if result.get("filtered") != Some(&Value::Bool(true)) {
                    collect(result, categories);
                } else if let Some(name) = safe_label(name) {
                    let severity = result.get("severity").and_then(Value::as_str);
                    let severity = severity.and_then(|severity| severity.parse().ok());
                    let most_severe = categories.entry(name).or_default();
                    *most_severe = severity.max(*most_severe);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|result| collect(result, categories)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn category(name: &str, severity: Option<FilterSeverity>) -> FilteredCategory {
        FilteredCategory { name: name.to_owned(), severity }
    }

    #[test]
    fn categories_are_found_at_any_depth() {
        let hate = json!({"filtered": true, "severity": "high"});
        let mild = json!({"filtered": true, "severity": "low"});
        let safe = json!({"filtered": false, "severity": "safe"});
        let jailbreak = json!({"filtered": true, "detected": true});
        for results in [
            json!({"hate": hate, "violence": safe, "jailbreak": jailbreak}),
            json!({"innererror": {
                "code": "ResponsibleAIPolicyViolation",
                "content_filter_result": {"hate": hate, "jailbreak": jailbreak, "sexual": safe},
            }}),
            json!({"content_filters": [
                {"source_type": "prompt", "content_filter_results": {"jailbreak": jailbreak}},
                {"source_type": "prompt", "content_filter_results": {"hate": hate}},
                {"source_type": "prompt", "content_filter_results": {"hate": mild}},
            ]}),
        ] {
            let expected =
                [category("hate", Some(FilterSeverity::High)), category("jailbreak", None)];
            assert_eq!(filtered_categories(&results), expected, "{results}");
        }
    }

    #[test]
    fn names_that_are_not_categories_are_ignored() {
        let filtered = json!({"filtered": true});
        for results in [
            json!({"hate": {"filtered": "true"}}),
            json!({"my diary says": filtered}),
            json!({"": filtered}),
            filtered,
            json!(null),
        ] {
            assert_eq!(filtered_categories(&results), [], "{results}");
        }
    }
}
