//! The name of a file in a form.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use super::encoded_words::decode_words;
use super::hex_byte;
use super::parameters::Parameters;

/// The maximum number of parameters, like `filename*0`, into which a name may be divided (RFC 2231).
const MAX_NAME_SECTIONS: usize = 16;

/// Returns the name of the file in a `Content-Disposition`, if it has one. Prefers `filename*` (RFC 8187) to
/// `filename`, which each kind of client encodes in another way. Browsers send an empty name if the user has chosen no
/// file.
pub(crate) fn file_name(disposition: &Parameters) -> Option<String> {
    let extended = disposition.get("filename*").and_then(decode_extended);
    let plain = disposition.get("filename").map(decode_plain);
    match (extended, plain) {
        // React Native does not encode the semicolon, which then ends the extended name.
        (Some(extended), Some(plain)) if is_cut(&extended, &plain) => Some(plain),
        (extended, plain) => extended.or(plain).or_else(|| decode_sections(disposition)),
    }
}

fn is_cut(extended: &str, plain: &str) -> bool {
    extended.is_empty() || plain.strip_prefix(extended).is_some_and(|rest| rest.starts_with(';'))
}

/// Decodes a value like `UTF-8'en'%C3%BC.txt`. Returns `None` if it is not of this form.
fn decode_extended(value: &[u8]) -> Option<String> {
    let mut parts = value.splitn(3, |byte| *byte == b'\'');
    let charset = Encoding::for_label(parts.next()?)?;
    let (_language, encoded) = (parts.next()?, parts.next()?);
    Some(decode_charset(charset, &decode_percent(encoded)?))
}

/// Joins and decodes sections like `filename*0*=UTF-8''%C3%BC; filename*1=.txt` (RFC 2231).
fn decode_sections(disposition: &Parameters) -> Option<String> {
    let mut charset = UTF_8;
    let mut bytes = Vec::new();
    for number in 0..MAX_NAME_SECTIONS {
        if let Some(encoded) = disposition.get(&format!("filename*{number}*")) {
            let mut parts = encoded.splitn(3, |byte| *byte == b'\'');
            let encoded = match (number, parts.next(), parts.next(), parts.next()) {
                (0, Some(label), Some(_), Some(rest)) => {
                    charset = Encoding::for_label(label)?;
                    rest
                }
                _ => encoded,
            };
            bytes.extend(decode_percent(encoded)?);
        } else if let Some(section) = disposition.get(&format!("filename*{number}")) {
            bytes.extend_from_slice(section);
        } else {
            break;
        }
    }
    (!bytes.is_empty()).then(|| decode_charset(charset, &bytes))
}

/// Decodes the value of `filename`: encoded words of .NET and of mail libraries, or UTF-8, or otherwise the encoding
/// of old Windows programs. Browsers and curl encode three characters with percent signs:
/// <https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data>.
fn decode_plain(value: &[u8]) -> String {
    let text = match str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(value).0.into_owned(),
    };
    match decode_words(&text) {
        Some(decoded) => decoded,
        None => text.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n"),
    }
}

/// Decodes bytes in this charset, with a replacement for invalid ones.
fn decode_charset(charset: &'static Encoding, bytes: &[u8]) -> String {
    charset.decode_without_bom_handling(bytes).0.into_owned()
}

/// Decodes `%` and two hexadecimal digits. Returns `None` if a `%` is followed by something else.
fn decode_percent(encoded: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = encoded.iter().copied();
    let mut decoded = Vec::with_capacity(encoded.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex_byte([bytes.next()?, bytes.next()?])?,
            byte => byte,
        });
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(parameters: &[u8]) -> Option<String> {
        file_name(&Parameters::parse(&[b"form-data; name=file; ", parameters].concat()))
    }

    #[test]
    fn the_names_that_clients_send_are_decoded() {
        for (parameters, expected) in [
            // .NET
            (
                b"filename=\"=?utf-8?B?5aCx5ZGKLnR4dA==?=\"; filename*=utf-8''%E5%A0%B1%E5%91%8A.txt".as_slice(),
                "報告.txt",
            ),
            (b"filename=\"=?utf-8?B?5aCx5ZGKLnR4dA==?=\"", "報告.txt"),
            (b"filename==?utf-8?B?5aCx5ZGKLnR4dA==?=", "報告.txt"),
            // RFC 8187
            (b"filename=\"fallback.txt\"; filename*=UTF-8''%E5%A0%B1.txt", "報.txt"),
            (b"filename*=UTF-8'ja'%E5%A0%B1.txt; filename=\"fallback.txt\"", "報.txt"),
            (b"filename*=\"utf-8''%E5%A0%B1.txt\"", "報.txt"),
            (b"filename*=ISO-8859-1''%FCber.txt", "über.txt"),
            (b"filename*=UTF-8''%FF.txt", "\u{fffd}.txt"),
            (b"filename*=UTF-8''%ED%A0%BD.txt", "\u{fffd}\u{fffd}\u{fffd}.txt"),
            // What can't be decoded is not preferred.
            (b"filename=\"a.txt\"; filename*=UTF-8''%ZZ.txt", "a.txt"),
            (b"filename=\"a.txt\"; filename*=UTF-8''", "a.txt"),
            (b"filename=\"Invoice; May.txt\"; filename*=utf-8''Invoice;%20May.txt", "Invoice; May.txt"),
            (b"filename=\"a.txt\"; filename*=foo''b.txt", "a.txt"),
            (b"filename=\"a.txt\"; filename*=b.txt", "a.txt"),
            // RFC 2231
            (b"filename*0=\"long\"; filename*1=\"name.txt\"", "longname.txt"),
            (b"filename*1*=%91%8A.txt; filename*0*=UTF-8''%E5%A0%B1%E5", "報告.txt"),
            // Browsers and curl
            (b"filename=\"a%22b%0D%0A100%25.txt\"", "a\"b\r\n100%25.txt"),
            (b"filename=\"a\\\"b.txt\"", "a\"b.txt"),
            ("filename=\"報告.txt\"".as_bytes(), "報告.txt"),
            ("filename=報告 1.txt".as_bytes(), "報告 1.txt"),
            // Old Windows programs
            (b"filename=\"\xfcber.txt\"", "über.txt"),
            (b"filename=\"C:\\new\\\xfcber.txt\"", "C:\\new\\über.txt"),
        ] {
            assert_eq!(name(parameters).as_deref(), Some(expected), "{}", parameters.escape_ascii());
        }
    }

    #[test]
    fn an_empty_name_is_not_a_missing_one() {
        for parameters in [b"filename=\"\"".as_slice(), b"filename", b"filename*=UTF-8''"] {
            assert_eq!(name(parameters).as_deref(), Some(""), "{}", parameters.escape_ascii());
        }
        for parameters in [b"".as_slice(), b"filename*=foo''a", b"filename*1=a"] {
            assert_eq!(name(parameters), None, "{}", parameters.escape_ascii());
        }
    }
}
