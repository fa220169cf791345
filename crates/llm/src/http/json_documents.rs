//! Finds the JSON documents in a body.

use std::mem;

/// Divides bytes into JSON documents, objects or lists, each of which is complete as soon as its last bracket
/// arrives, whether or not the body ends there. What is between the documents is ignored.
#[derive(Debug, Default)]
pub(crate) struct JsonDocuments {
    /// The bytes of the document that is not complete yet.
    document: Vec<u8>,
    depth: usize,
    is_in_string: bool,
    is_escaped: bool,
}

impl JsonDocuments {
    /// Returns the documents that these bytes complete. Invalid UTF-8 is replaced by U+FFFD.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        bytes.iter().filter_map(|byte| self.push_byte(*byte)).collect()
    }

    fn push_byte(&mut self, byte: u8) -> Option<String> {
        if self.depth == 0 && !matches!(byte, b'{' | b'[') {
            return None;
        }
        self.document.push(byte);
        if self.is_in_string {
            self.is_in_string = byte != b'"' || self.is_escaped;
            self.is_escaped = byte == b'\\' && !self.is_escaped;
            return None;
        }
        match byte {
            b'"' => self.is_in_string = true,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        let is_complete = self.depth == 0;
        is_complete.then(|| String::from_utf8_lossy(&mem::take(&mut self.document)).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_end_with_their_last_bracket_however_the_bytes_are_divided() {
        let body = "\u{feff} {\"a\": [\"}\\\"\\\\\", {}]}\n[1, {}] , {\"b\": \"ü\"} {\"incomplete";
        let expected = ["{\"a\": [\"}\\\"\\\\\", {}]}", "[1, {}]", "{\"b\": \"ü\"}"];

        for size in 1..=body.len() {
            let mut documents = JsonDocuments::default();
            let chunks = body.as_bytes().chunks(size);
            let found: Vec<_> = chunks.flat_map(|chunk| documents.push(chunk)).collect();

            assert_eq!(found, expected, "chunks of {size} bytes");
        }
    }
}
