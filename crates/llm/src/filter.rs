use serde_json::Value;

/// The categories in which something was filtered, as the results of Azure's content filter name
/// them: `hate`, `self_harm`, `jailbreak`, …. Where the results lie differs by version and by whether
/// the request or the answer is meant. See
/// <https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter>.
pub(crate) fn filtered_categories(results: &Value) -> Vec<String> {
    let mut categories = Vec::new();
    collect(results, &mut categories);
    categories.sort();
    categories.dedup();
    categories
}

/// The parser bounds how deep this can go.
fn collect(results: &Value, categories: &mut Vec<String>) {
    match results {
        Value::Object(fields) => {
            for (name, result) in fields {
                if result.get("filtered") == Some(&Value::Bool(true)) {
                    categories.extend(name_of(name));
                } else {
                    collect(result, categories);
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|result| collect(result, categories)),
        _ => {}
    }
}

/// A short name, as upstreams give to kinds of errors; nothing in which a sentence could hide.
pub(crate) fn name_of(text: &str) -> Option<String> {
    let belongs = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    ((1..=48).contains(&text.len()) && text.chars().all(belongs)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_filtered_is_found_wherever_it_lies() {
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
    fn what_is_no_category_is_not_told() {
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
