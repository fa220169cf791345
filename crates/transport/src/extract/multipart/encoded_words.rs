//! Encoded words in headers (RFC 2047), like `=?utf-8?B?w7w=?=`.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use encoding_rs::Encoding;

use super::hex_byte;

/// Base64 with and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// An encoded word.
struct Word {
    charset: &'static Encoding,
    bytes: Vec<u8>,
}

/// Decodes the encoded words in a text. Returns `None` if it has none. White space between two words is removed.
/// Adjacent words with one charset are decoded together, because some libraries divide characters between them.
pub(super) fn decode_words(text: &str) -> Option<String> {
    let mut decoded = String::new();
    let mut pending: Option<Word> = None;
    let mut has_word = false;
    let mut rest = text;
    while let Some((before, word, after)) = next_word(rest) {
        has_word = true;
        let is_adjacent = before.trim().is_empty();
        pending = Some(match pending.take() {
            Some(mut first) if is_adjacent && first.charset == word.charset => {
                first.bytes.extend(word.bytes);
                first
            }
            first => {
                decoded.push_str(&first.as_ref().map(Word::text).unwrap_or_default());
                if first.is_none() || !is_adjacent {
                    decoded.push_str(before);
                }
                word
            }
        });
        rest = after;
    }
    decoded.push_str(&pending.as_ref().map(Word::text).unwrap_or_default());
    decoded.push_str(rest);
    has_word.then_some(decoded)
}

impl Word {
    fn text(&self) -> String {
        self.charset.decode_without_bom_handling(&self.bytes).0.into_owned()
    }
}

/// Returns the text before the next word, the word, and the text after it.
fn next_word(text: &str) -> Option<(&str, Word, &str)> {
    text.match_indices("=?").find_map(|(start, _)| {
        let mut parts = text.get(start + 2..)?.splitn(3, '?');
        // A language may follow the charset (RFC 2231).
        let charset = parts.next()?.split('*').next()?;
        let charset = Encoding::for_label(charset.as_bytes())?;
        let encoding = parts.next()?;
        let rest = parts.next()?;
        let (content, after) = rest.split_once("?=")?;
        let bytes = match encoding {
            "B" | "b" => BASE64.decode(content).ok()?,
            "Q" | "q" => decode_q(content)?,
            _ => return None,
        };
        Some((text.get(..start)?, Word { charset, bytes }, after))
    })
}

fn decode_q(content: &str) -> Option<Vec<u8>> {
    let mut bytes = content.bytes();
    let mut decoded = Vec::with_capacity(content.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'_' => b' ',
            b'=' => hex_byte([bytes.next()?, bytes.next()?])?,
            byte => byte,
        });
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_decoded_and_joined() {
        for (text, expected) in [
            ("=?utf-8?B?5aCx5ZGKLnR4dA==?=", "報告.txt"),
            ("=?UTF-8?b?5aCx5ZGKLnR4dA?=", "報告.txt"),
            ("=?utf-8?Q?=E5=A0=B1_1.txt?=", "報 1.txt"),
            ("=?iso-8859-1*de?q?=FCber.txt?=", "über.txt"),
            ("=?utf-8?B?5aCx?= \t=?utf-8?B?5ZGKLnR4dA==?=", "報告.txt"),
            ("=?utf-8?B?5aA=?= =?utf-8?B?seWRii50eHQ=?=", "報告.txt"),
            ("=?utf-8?Q?=C3=BC?= =?iso-8859-1?Q?=FC.txt?=", "üü.txt"),
            ("my =?utf-8?Q?=C3=BC?= .txt", "my ü .txt"),
            ("=?x?= =?utf-8?Q?=C3=BC?=", "=?x?= ü"),
            ("=?utf-8?Q?=ED=A0=BD?=", "\u{fffd}\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(decode_words(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_texts_have_no_words() {
        for text in [
            "",
            "a.txt",
            "=?",
            "=?utf-8?B?5aCx",
            "=?utf-8?X?a?=",
            "=?foo?B?YQ==?=",
            "=?utf-8?B?*?=",
            "=?utf-8?Q?=G?=",
        ] {
            assert_eq!(decode_words(text), None, "{text}");
        }
    }
}
