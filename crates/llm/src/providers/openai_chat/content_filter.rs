//! The results of Azure's content filter.

use serde_json::Value;

use super::label::safe_label;

/// Returns the filtered categories, by the names of Azure's content filter: `hate`, `self_harm`,
/// `jailbreak`, …. Searches all of the JSON, because the place of the results differs between versions,
/// and between requests and answers. See
/// <https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter>.
pub(super) fn filtered_categories(results: &Value) -> Vec<String> {
    let mut categories = Vec::new();
    collect(results, &mut categories);
    categories.sort();
    categories.dedup();
    categories
}

/// Recursion is bounded by the JSON parser's depth limit.
fn collect(results: &Value, categories: &mut Vec<String>) {
    match results {
        Value::Object(fields) => {
            for (name, result) in fields {
                if result.get("filtered") == Some(&Value::Bool(true)) {
                    categories.extend(safe_label(name));
                } else {
                    collect(result, categories);
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

    #[test]
    fn categories_are_found_at_any_depth() {
        let hate = json!({"filtered": true, "severity": "high"});
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
                {"source_type": "prompt", "content_filter_results": {"hate": hate}},
            ]}),
        ] {
            assert_eq!(filtered_categories(&results), ["hate", "jailbreak"], "{results}");
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
            assert_eq!(filtered_categories(&results), [""; 0], "{results}");
        }
    }
}
