//! The results of Azure's content filter.

use std::collections::BTreeMap;

use serde_json::Value;

use super::label::safe_label;
use crate::content_filter::{FilterSeverity, FilteredCategory};

/// The maximum number of categories that are kept. Azure has fewer.
const MAX_CATEGORIES: usize = 16;

/// What a content filter has found: the filtered categories. Of several results of a category, the most severe one counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings(BTreeMap<String, Option<FilterSeverity>>);

impl Findings {
    /// Adds the filtered categories of a result. Searches all of the JSON, because the place of the results differs between
    /// versions, and between requests and answers. See
    /// <https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter>.
    ///
    /// Recursion is bounded by the JSON parser's depth limit.
    fn add(&mut self, results: &Value) {
        match results {
            Value::Object(fields) => {
                for (name, result) in fields {
                    if result.get("filtered") != Some(&Value::Bool(true)) {
                        self.add(result);
                    } else if let Some(name) = safe_label(name) {
                        let severity = result.get("severity").and_then(Value::as_str);
                        let severity = severity.and_then(|severity| severity.parse().ok());
                        self.insert(FilteredCategory { name, severity });
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            _ => {}
        }
    }

    /// Adds a category, unless there are too many.
    pub(super) fn insert(&mut self, FilteredCategory { name, severity }: FilteredCategory) {
        if self.0.contains_key(&name) || self.0.len() < MAX_CATEGORIES {
            let most_severe = self.0.entry(name).or_default();
            *most_severe = severity.max(*most_severe);
        }
    }

    /// Returns the categories in the order of their names.
    pub(super) fn into_categories(self) -> Vec<FilteredCategory> {
        self.0.into_iter().map(|(name, severity)| FilteredCategory { name, severity }).collect()
    }
}

/// Returns the filtered categories of a result.
pub(super) fn filtered_categories(results: &Value) -> Vec<FilteredCategory> {
    let mut findings = Findings::default();
    findings.add(results);
    findings.into_categories()
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
    fn an_upstream_can_not_report_any_number_of_categories() {
        let results: Value =
            (0..1_000).map(|number| (format!("c{number}"), json!({"filtered": true}))).collect();

        assert_eq!(filtered_categories(&results).len(), MAX_CATEGORIES);
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
