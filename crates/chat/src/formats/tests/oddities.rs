//! Exports in which one place has a value of an unexpected type.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::*;

fn export() -> Value {
    serde_json::from_str(include_str!("../../../../../tests/fixtures/imports/branch.json")).unwrap()
}

fn conversation(id: &str) -> Value {
    let text = export()[0]
        .to_string()
        .replace("br-", &format!("{id}-"))
        .replace("\"br\"", &format!("\"{id}\""));
    serde_json::from_str(&text).unwrap()
}

/// Returns the paths of all values within a value.
pub(super) fn paths(value: &Value, path: &str, all: &mut Vec<String>) {
    all.push(path.to_owned());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                paths(member, &format!("{path}/{name}"), all);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                paths(element, &format!("{path}/{index}"), all);
            }
        }
        _ => {}
    }
}

pub(super) fn oddities() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(1e300),
        json!(0),
        json!(""),
        json!("x"),
        json!("\u{0}\u{202e}\u{fffd}"),
        json!([]),
        json!({}),
        json!([null]),
        json!([[["x"]]]),
        json!({"a": {"b": []}}),
        json!("x".repeat(5_000)),
        json!(1_767_323_045_000_u64),
        json!("2026-01-02T03:04:05Z"),
        json!(["br-n0"]),
        json!("odd-n0"),
        json!({"role": null}),
        json!({"parts": "x"}),
        json!({"content_type": "canvas", "text": "x"}),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_value_of_an_unexpected_type_affects_only_its_conversation(
        place in any::<Index>(), oddity in select(oddities()), removes in any::<bool>(),
    ) {
        let mut odd = conversation("odd");
        let mut places = Vec::new();
        paths(&odd, "", &mut places);
        let path = place.get(&places).clone();
        let (parent, name) = path.rsplit_once('/').unwrap_or_default();
        match odd.pointer_mut(parent) {
            Some(Value::Object(members)) if removes && !path.is_empty() => {
                members.remove(name);
            }
            _ => *odd.pointer_mut(&path).unwrap() = oddity,
        }
        let file = json!([conversation("one"), odd, conversation("two")]).to_string();

        let (all, left_out) = read_bytes(file.as_bytes()).unwrap();

        let alone = read_all(&json!([conversation("one"), conversation("two")]).to_string()).unwrap();
        for expected in &alone {
            prop_assert!(all.contains(expected), "{file}");
        }
        prop_assert!(all.len() == 3 || left_out.iter().any(|entry| entry.position == 2), "{file}");
    }

    #[test]
    fn any_bytes_in_a_text_affect_only_its_conversation(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
        let escape = |byte: &u8| if *byte == b'"' { b'x' } else { *byte };
        let odd = conversation("odd").to_string();
        let (before, after) = odd.split_once("How deep is the lake?").unwrap();
        let text: Vec<u8> = bytes.iter().map(escape).collect();
        // A backslash at the end would escape the quotation mark.
        let odd = [before.as_bytes(), &text, b"..", after.as_bytes()].concat();
        let file = [b"[", &*odd, b",", conversation("two").to_string().as_bytes(), b"]"].concat();

        let (all, left_out) = read_bytes(&file).unwrap();

        prop_assert_eq!((all.len(), left_out.len()), (2, 0));
    }
}
