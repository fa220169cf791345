//! Multipart forms (RFC 7578), as lenient as clients require.

mod encoded_words;
pub(crate) mod file_name;
pub(crate) mod parameters;
pub(crate) mod reader;

/// Returns the byte of two hexadecimal digits, or `None` if they are others.
fn hex_byte(digits: [u8; 2]) -> Option<u8> {
    let is_hexadecimal = digits.iter().all(u8::is_ascii_hexdigit);
    let digits = is_hexadecimal.then(|| str::from_utf8(&digits).ok()).flatten()?;
    u8::from_str_radix(digits, 16).ok()
}
