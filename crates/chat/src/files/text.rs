//! Decodes the text of a file.

use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE};

/// Decodes a text by its byte order mark; otherwise as UTF-8; otherwise by the label of the encoding that the client
/// declared. A label is not preferred to UTF-8, because many HTTP libraries declare ISO-8859-1 for every text. Returns
/// `None` if the content is not a text in these encodings.
pub(super) fn decode(content: Vec<u8>, charset: Option<&str>) -> Option<String> {
    if let Some((encoding, mark)) = Encoding::for_bom(&content) {
        let text = content.get(mark..).unwrap_or_default();
        // UTF-8 keeps its mark, as before the other encodings were supported.
        return if encoding == UTF_8 { utf8(content) } else { valid(encoding, text) };
    }
    if let Some(encoding) = utf16_without_mark(&content) {
        return valid(encoding, &content);
    }
    let declared = charset.and_then(|label| Encoding::for_label(label.as_bytes()));
    let declared = declared.filter(|encoding| *encoding != UTF_8);
    match declared {
        // This encoding has escapes, and looks like ASCII.
        Some(encoding) if encoding == ISO_2022_JP => valid(encoding, &content),
        Some(encoding) => {
            let as_utf8 = str::from_utf8(&content).map(ToOwned::to_owned).ok();
            as_utf8.or_else(|| valid(encoding, &content))
        }
        None => utf8(content),
    }
}

fn utf8(content: Vec<u8>) -> Option<String> {
    String::from_utf8(content).ok()
}

fn valid(encoding: &'static Encoding, content: &[u8]) -> Option<String> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(content)?;
    // These are the zeros of UTF-32, or of binary data.
    (!text.contains('\0')).then(|| text.into_owned())
}

/// Recognises UTF-16 by its zeros: most characters of texts in Latin script have one.
fn utf16_without_mark(content: &[u8]) -> Option<&'static Encoding> {
    let (pairs, rest) = content.as_chunks::<2>();
    let mostly = |count: usize| count > pairs.len() / 2;
    let high_zeros = pairs.iter().filter(|[_, high]| *high == 0).count();
    let low_zeros = pairs.iter().filter(|[low, _]| *low == 0).count();
    match (rest, low_zeros, high_zeros) {
        ([], 0, zeros) if mostly(zeros) => Some(UTF_16LE),
        ([], zeros, 0) if mostly(zeros) => Some(UTF_16BE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, encode: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(encode).collect()
    }

    #[test]
    fn texts_are_decoded_by_their_mark_or_their_declared_encoding() {
        let text = "Größe";
        let (little, big) = (utf16(text, u16::to_le_bytes), utf16(text, u16::to_be_bytes));
        for (content, charset) in [
            (text.as_bytes().to_vec(), None),
            (text.as_bytes().to_vec(), Some("iso-8859-1")),
            ([b"\xff\xfe", little.as_slice()].concat(), None),
            ([b"\xfe\xff", big.as_slice()].concat(), Some("utf-16")),
            (little.clone(), None),
            (big.clone(), None),
            (little, Some("utf-16le")),
            (b"Gr\xf6\xdfe".to_vec(), Some("ISO-8859-1")),
            (b"Gr\xf6\xdfe".to_vec(), Some("windows-1252")),
            (text.as_bytes().to_vec(), Some("utf-16")),
        ] {
            assert_eq!(
                decode(content.clone(), charset).as_deref(),
                Some(text),
                "{content:x?} {charset:?}"
            );
        }
        let japanese = b"\x1b$BJs9p\x1b(B".to_vec();
        assert_eq!(decode(japanese, Some("iso-2022-jp")).as_deref(), Some("報告"));
        let with_mark = "\u{feff}x";
        assert_eq!(decode(with_mark.as_bytes().to_vec(), None).as_deref(), Some(with_mark));
        assert_eq!(decode(b"tide".to_vec(), Some("utf-16")).as_deref(), Some("tide"));
        assert_eq!(decode(Vec::new(), Some("utf-16")).as_deref(), Some(""));
    }

    #[test]
    fn other_content_is_not_a_text() {
        for (content, charset) in [
            (b"Gr\xf6\xdfe".as_slice(), None),
            (b"Gr\xf6\xdfe", Some("utf-8")),
            (b"Gr\xf6\xdfe", Some("unknown")),
            (b"\xff\xfea", None),
            (b"\xff\xfe\x3d\xd8", None),
            (b"\xff\xfe\0\0a\0\0\0", None),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Some("iso-8859-1")),
        ] {
            assert_eq!(decode(content.to_vec(), charset), None, "{content:x?} {charset:?}");
        }
    }
}
