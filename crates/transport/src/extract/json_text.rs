//! Decodes the JSON texts of clients.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};
use thiserror::Error;

/// The length of an escape like `\ud83d`, in bytes.
const ESCAPE_BYTES: usize = 6;

/// The escape of U+FFFD.
const REPLACEMENT: &str = "\\ufffd";

/// The bytes are not valid UTF-8.
#[derive(Debug, Error)]
#[error("it is not encoded in UTF-8")]
pub(crate) struct NotUnicode;

/// Decodes JSON in UTF-8 or UTF-16, with or without a byte order mark. UTF-16 without one is recognised by its first
/// character, which is ASCII (RFC 4627, section 3).
///
/// # Errors
/// [`NotUnicode`] if the bytes are not UTF-8. In UTF-16, invalid characters become U+FFFD.
pub(crate) fn decode(bytes: Vec<u8>) -> Result<String, NotUnicode> {
    let utf16 = match bytes.as_slice() {
        [0xff, 0xfe, ..] => Some(UTF_16LE),
        [0xfe, 0xff, ..] => Some(UTF_16BE),
        [first, 0, ..] if *first != 0 => Some(UTF_16LE),
        [0, second, ..] if *second != 0 => Some(UTF_16BE),
        _ => None,
    };
    if let Some(encoding) = utf16 {
        return Ok(Encoding::decode(encoding, &bytes).0.into_owned());
    }
    let mut text = String::from_utf8(bytes).map_err(|_| NotUnicode)?;
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    Ok(text)
}

/// Replaces the escapes of unpaired surrogates, such as `\ud83d`, with that of U+FFFD, which has the same length. JSON
/// allows them, and clients that cut strings in the middle of an emoji send them, but a `String` can't contain them.
pub(crate) fn replace_lone_surrogates(json: &str) -> Cow<'_, str> {
    let mut replaced = String::new();
    let (mut copied, mut position) = (0, 0);
    while let Some(found) = json.get(position..).and_then(|rest| rest.find('\\')) {
        let escape = position + found;
        let (length, is_lone) =
            match (code_unit(json, escape), code_unit(json, escape + ESCAPE_BYTES)) {
                (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (2 * ESCAPE_BYTES, false),
                (Some(0xd800..=0xdfff), _) => (ESCAPE_BYTES, true),
                (Some(_), _) => (ESCAPE_BYTES, false),
                // The next character may be a backslash.
                (None, _) => (2, false),
            };
        position = escape + length;
        if is_lone {
            replaced.push_str(json.get(copied..escape).unwrap_or_default());
            replaced.push_str(REPLACEMENT);
            copied = position;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    replaced.push_str(json.get(copied..).unwrap_or_default());
    Cow::Owned(replaced)
}

/// Returns the code unit of the escape at this position, if there is one.
fn code_unit(json: &str, position: usize) -> Option<u16> {
    let escape = json.get(position..position + ESCAPE_BYTES)?;
    let digits = escape.strip_prefix("\\u")?;
    let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hexadecimal.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lone_halves_are_replaced_and_everything_else_is_kept() {
        for (json, expected) in [
            (r#"{"a": "nice \ud83d"}"#, r#"{"a": "nice \ufffd"}"#),
            (r#"{"\uDE00": "\uD83D\n"}"#, r#"{"\ufffd": "\ufffd\n"}"#),
            (r#"["\ud83d\ud83d\ude00\ude00"]"#, r#"["\ufffd\ud83d\ude00\ufffd"]"#),
            (r#"["\ud83dx\ude00"]"#, r#"["\ufffdx\ufffd"]"#),
            (r#"["\\ud83d", "\\\ud83d"]"#, r#"["\\ud83d", "\\\ufffd"]"#),
            (r#"["\u00fc\ud8", "\u+83d", "ü\ü"#, r#"["\u00fc\ud8", "\u+83d", "ü\ü"#),
        ] {
            assert_eq!(replace_lone_surrogates(json), expected, "{json}");
        }
    }

    proptest! {
        #[test]
        fn any_code_units_become_the_text_with_replacement_characters(
            units in prop::collection::vec(
                prop_oneof![any::<u16>(), 0xd800_u16..=0xdfff, Just(0x5c)], 0..12
            ),
        ) {
            let escapes: Vec<_> = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let json = escapes.concat();

            let text: String =
                serde_json::from_str(&replace_lone_surrogates(&format!("\"{json}\""))).unwrap();

            prop_assert_eq!(text, String::from_utf16_lossy(&units));
        }
    }

    #[test]
    fn utf8_and_utf16_are_decoded_with_and_without_a_byte_order_mark() {
        let text = "{\"a\": \"ü\"}";
        let utf16 = |encode: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(encode);
        let little_endian: Vec<u8> = utf16(u16::to_le_bytes).collect();
        let big_endian: Vec<u8> = utf16(u16::to_be_bytes).collect();

        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            [b"\xff\xfe", little_endian.as_slice()].concat(),
            [b"\xfe\xff", big_endian.as_slice()].concat(),
            little_endian,
            big_endian,
        ] {
            assert_eq!(decode(bytes.clone()).unwrap(), text, "{bytes:x?}");
        }
        for bytes in [b"{\"a\": \"\xfc\"}".as_slice(), b"\"\xed\xa0\xbd\"", b"\xff"] {
            assert!(decode(bytes.to_vec()).is_err(), "{bytes:x?}");
        }
        assert_eq!(decode(Vec::new()).unwrap(), "");
    }
}
