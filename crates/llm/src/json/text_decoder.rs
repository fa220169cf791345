//! Decodes a text that is divided among several JSON strings.

use std::mem;

use serde_bytes::ByteBuf;
use serde_json::value::RawValue;

/// Decodes the strings of one text, in their order.
///
/// Upstreams that divide a text by UTF-16 write the two halves of an emoji as two escapes, `\ud83d` and
/// `\ude00`, which may be in two strings. They are joined. A half without the other becomes U+FFFD.
#[derive(Debug, Default)]
pub(crate) struct TextDecoder {
    /// The first half of a character, whose second half has not come yet.
    high_surrogate: Option<u16>,
}

impl TextDecoder {
    /// Returns the text up to the end of this string, as far as its characters are complete. A value that is
    /// no string has no text.
    pub(crate) fn decode(&mut self, string: &RawValue) -> String {
        // Bytes may contain halves, which `serde_json` encodes as WTF-8: <https://simonsapin.github.io/wtf-8>.
        let bytes: ByteBuf = serde_json::from_str(string.get()).unwrap_or_default();
        let mut text = String::with_capacity(bytes.len());
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (valid, after) = split_valid(rest);
            if !valid.is_empty() {
                text.push_str(self.finish());
                text.push_str(valid);
            }
            rest = self.decode_surrogate(after, &mut text);
        }
        text
    }

    /// Returns what replaces a half whose other half did not come.
    pub(crate) fn finish(&mut self) -> &'static str {
        if mem::take(&mut self.high_surrogate).is_some() { "\u{fffd}" } else { "" }
    }

    /// Decodes the half at the beginning of the bytes, and returns the other bytes.
    fn decode_surrogate<'a>(&mut self, bytes: &'a [u8], text: &mut String) -> &'a [u8] {
        let [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf, rest @ ..] = bytes else {
            return &[];
        };
        let half = 0xd000 | (u16::from(second & 0x3f) << 6) | u16::from(third & 0x3f);
        match (self.high_surrogate, half) {
            (Some(high), 0xdc00..) => {
                self.high_surrogate = None;
                let joined = char::decode_utf16([high, half]);
                text.extend(joined.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
            }
            (None, 0xdc00..) => text.push(char::REPLACEMENT_CHARACTER),
            (_, _) => {
                text.push_str(self.finish());
                self.high_surrogate = Some(half);
            }
        }
        rest
    }
}

fn split_valid(bytes: &[u8]) -> (&str, &[u8]) {
    match str::from_utf8(bytes) {
        Ok(text) => (text, &[]),
        Err(error) => {
            let (valid, rest) = bytes.split_at(error.valid_up_to());
            (str::from_utf8(valid).unwrap_or_default(), rest)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(strings: &[&str]) -> String {
        let mut decoder = TextDecoder::default();
        let texts = strings.iter().map(|string| {
            let string = RawValue::from_string((*string).to_owned()).unwrap();
            decoder.decode(&string)
        });
        let text: String = texts.collect();
        text + decoder.finish()
    }

    #[test]
    fn halves_are_joined_and_a_half_alone_is_replaced() {
        for (strings, expected) in [
            (vec![r#""a \ud83d\ude00 b""#], "a 😀 b"),
            (vec![r#""a \ud83d""#, r#""\ude00 b""#], "a 😀 b"),
            (vec![r#""\ud83d""#, r#""""#, r#""\ude00""#], "😀"),
            (vec![r#""a \ud83d""#, r#""b""#], "a \u{fffd}b"),
            (vec![r#""a \ud83d""#], "a \u{fffd}"),
            (vec![r#""\ude00 b""#], "\u{fffd} b"),
            (vec![r#""\ud83d""#, r#""\ud83d\ude00""#], "\u{fffd}😀"),
            (vec![r#""\ude00\ud83d""#, r#""\ude00""#], "\u{fffd}😀"),
            (vec!["5", "[]", r#""ü""#], "ü"),
        ] {
            assert_eq!(decode(&strings), expected, "{strings:?}");
        }
    }

    proptest! {
        #[test]
        fn a_text_may_be_divided_between_any_two_utf16_units(
            text in "\\PC{0,12}",
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        ) {
            let units: Vec<_> = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(units.len() + 1)).collect();
            ends.extend([0, units.len()]);
            ends.sort_unstable();
            let strings: Vec<_> =
                ends.windows(2).map(|pair| format!("\"{}\"", units[pair[0]..pair[1]].concat())).collect();

            let strings: Vec<_> = strings.iter().map(String::as_str).collect();
            prop_assert_eq!(decode(&strings), text);
        }
    }
}
