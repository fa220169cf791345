//! Tests of the repairs.

use super::*;
use crate::formats::input::repairer::MAX_STRING_BYTES;

fn repaired_without_spaces(json: &[u8]) -> String {
    let mut text = String::new();
    JsonRepair::new(json).read_to_string(&mut text).unwrap();
    text.replace(' ', "")
}

#[test]
fn valid_json_is_unchanged() {
    for json in [
        r#"[{"a":1,"b":[true,false,null,-1.5e3]},"\ud83d\ude00\n\u0041é",[]]"#,
        r#"{"a":{},"b":""}"#,
    ] {
        assert_eq!(repaired_without_spaces(json.as_bytes()), json);
    }
}

#[test]
fn faults_are_repaired() {
    for (json, expected) in [
        (
            r#"["\ud83d","\ude00","\ud83dx","\ud83d\n"]"#,
            r#"["\ufffd","\ufffd","\ufffdx","\ufffd\n"]"#,
        ),
        (r#"["\ud83d\ud83d\ude00"]"#, r#"["\ufffd\ud83d\ude00"]"#),
        (r#"["\x","\u12","a	b"]"#, r#"["\\x","\ufffd","a\u0009b"]"#),
        ("[1,]{\"a\":1,}", "[1]\n{\"a\":1}"),
        ("[,1,,2]", "[1,2]"),
        (r#"{"a":"Why "tides"?","b":[1]}"#, r#"{"a":"Why\"tides\"?","b":[1]}"#),
        (r#"{"a":"say "hi", then go","b":"x"}"#, r#"{"a":"say\"hi\",thengo","b":"x"}"#),
        (r#"["a "b" c","d"]"#, r#"["a\"b\"c","d"]"#),
        ("{\"a\":\"x\"\n\"b\":\"y\"}", r#"{"a":"x","b":"y"}"#),
        ("{\"a\":\"x\", // note\n\"b\":1}", r#"{"a":"x","b":1}"#),
        ("// for Tom, and Ann\n[1, # one: {\n2 /* [two] * / ** */, 3] // end", "[1,2,3]"),
        ("{\"a\": \"x\" /* y */, \"b\": \"z\" // w\n}", r#"{"a":"x","b":"z"}"#),
        (r#"["https://a.example/#b", "a \"b\"/c"]"#, r#"["https://a.example/#b","a\"b\"/c"]"#),
        ("{\"a\":1}\n{\"b\":[2,\n{\"c\":3}", "{\"a\":1}\n{\"b\":[2]}\n{\"c\":3}"),
        ("{\"a\":1}\n{\"b\":\"x\n{\"c\":3}", "{\"a\":1}\n{\"b\":\"x\\u000a\"}\n{\"c\":3}"),
        ("{\n\"a\":[\n{\"b\":2}\n]}", "{\"a\":[{\"b\":2}]}"),
        ("[{}{},NaN,-Infinity,undefined,01,1e999]", "[{},{},null,null,null,null,null]"),
        (r#"{"a":,"b":}"#, r#"{"a":null,"b":null}"#),
        (r#"[{"a":[1},{"b":2}]"#, r#"[{"a":[1]},{"b":2}]"#),
        ("]}[1]]", "[1]"),
        ("\u{feff}[1]", "[1]"),
    ] {
        assert_eq!(repaired_without_spaces(json.as_bytes()), expected, "{json}");
    }
}

#[test]
fn other_encodings_and_invalid_bytes_are_decoded() {
    let utf16 = |bom: bool| {
        let mut bytes = if bom { vec![0xff, 0xfe] } else { Vec::new() };
        bytes.extend("[\"é😀\"]".encode_utf16().flat_map(u16::to_le_bytes));
        bytes
    };

    assert_eq!(repaired_without_spaces(&utf16(true)), "[\"é😀\"]");
    assert_eq!(repaired_without_spaces(&utf16(false)), "[\"é😀\"]");
    // Windows-1252, concatenated with UTF-8.
    let mixed = [&b"[\"Gr\xfc\xdfe \x80 \xff"[..], "é😀\"]".as_bytes()].concat();
    assert_eq!(repaired_without_spaces(&mixed), "[\"Grüße€ÿé😀\"]");
    let long = format!("[\"{}\"]", "x😀é".repeat(40_000));
    assert_eq!(repaired_without_spaces(long.as_bytes()), long);
    assert_eq!(repaired_without_spaces(b"[\"a\xf0\x9f"), "[\"að\u{178}");
}

#[test]
fn deep_nesting_and_long_strings_are_limited() {
    let deep = format!("[1,{}{},2]", "[".repeat(100_000), "]".repeat(100_000));
    let long = (&b"[\""[..]).chain(io::repeat(b'x').take(1 << 26)).chain(&b"\",2]"[..]);
    let mut shortened = Vec::new();
    JsonRepair::new(long).read_to_end(&mut shortened).unwrap();

    let nested_strings =
        format!("[{}{{\"a\":[\"b\",{{\"c\":\"d\"}}]}}{},\"e\"]", "[".repeat(300), "]".repeat(300));
    assert!(
        repaired_without_spaces(nested_strings.as_bytes()).ends_with(",\"e\"]"),
        "{}",
        repaired_without_spaces(nested_strings.as_bytes())
    );
    assert!(repaired_without_spaces(deep.as_bytes()).len() < 600);
    assert!(repaired_without_spaces(deep.as_bytes()).ends_with(",2]"));
    assert!(shortened.len() < MAX_STRING_BYTES + 100_000);
    assert!(shortened.ends_with(b"\",2]"));
}
