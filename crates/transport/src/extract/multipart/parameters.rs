//! The parameters of headers like `Content-Disposition: form-data; name="file"`.

use std::iter;

/// The parameters of a header, with names in lower case and undecoded values.
pub(crate) struct Parameters {
    /// The text before the parameters, in lower case.
    pub(crate) kind: String,
    parameters: Vec<(String, Vec<u8>)>,
}

impl Parameters {
    /// Parses the value of a header. Contrary to the standards, a value without quotes may have any character except
    /// a semicolon, the quote at the end may be missing, and the bytes may have any encoding.
    pub(crate) fn parse(header: &[u8]) -> Self {
        let mut rest = header;
        let kind = lower_case(next_item(&mut rest, b";,").0);
        let parameters = iter::from_fn(|| {
            (!rest.is_empty()).then(|| {
                let (name, has_value) = next_item(&mut rest, b";=");
                let value =
                    if has_value == Some(b'=') { next_value(&mut rest) } else { Vec::new() };
                (lower_case(name), value)
            })
        });
        Self { kind, parameters: parameters.filter(|(name, _)| !name.is_empty()).collect() }
    }

    /// Returns the value of the first parameter with this name, which must be in lower case.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        let found = self.parameters.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_slice())
    }
}

fn lower_case(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).to_lowercase()
}

/// Removes the text before the next separator, and the separator. Returns the trimmed text, and which separator it
/// was.
fn next_item<'a>(rest: &mut &'a [u8], separators: &[u8]) -> (&'a [u8], Option<u8>) {
    let end = rest.iter().position(|byte| separators.contains(byte)).unwrap_or(rest.len());
    let (item, after) = rest.split_at(end);
    let separator = after.first().copied();
    *rest = after.get(1..).unwrap_or_default();
    (item.trim_ascii(), separator)
}

/// Removes the next value and the semicolon after it. Returns the value.
fn next_value(rest: &mut &[u8]) -> Vec<u8> {
    let Some(quoted) = rest.trim_ascii_start().strip_prefix(b"\"") else {
        return next_item(rest, b";").0.to_vec();
    };
    let mut value = Vec::new();
    let mut position = 0;
    while let Some(byte) = quoted.get(position) {
        match (byte, quoted.get(position + 1)) {
            (b'"', _) => break,
            // Internet Explorer sends whole paths without escaping their backslashes, so these escape quotes only.
            (b'\\', Some(quote @ b'"')) if !is_last_quote(quoted, position + 1) => {
                value.push(*quote);
                position += 1;
            }
            (b'\\', Some(b'\\')) => {
                value.extend_from_slice(b"\\\\");
                position += 1;
            }
            (byte, _) => value.push(*byte),
        }
        position += 1;
    }
    *rest = quoted.get(position + 1..).unwrap_or_default();
    next_item(rest, b";");
    value
}

/// Returns whether a quote ends the value although there is a backslash before it: no other quote follows before the
/// next parameter.
fn is_last_quote(quoted: &[u8], quote: usize) -> bool {
    let rest = quoted.get(quote + 1..).unwrap_or_default().trim_ascii_start();
    match rest.first() {
        None => true,
        Some(b';') => !rest.contains(&b'"'),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(header: &[u8], name: &str) -> Option<String> {
        Parameters::parse(header).get(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    #[test]
    fn parameters_are_found_in_all_notations() {
        for header in [
            r#"form-data; name="file"; filename="a;b.txt""#,
            r#"form-data;name=file;filename="a;b.txt";"#,
            r#"Form-Data ; FILENAME = "a;b.txt" ; NAME = "file""#,
            r#"form-data; x; ; name="file"; filename="a;b.txt"#,
            r#"form-data, name=file; filename="a;b.txt" ; other"#,
        ] {
            assert_eq!(Parameters::parse(header.as_bytes()).kind, "form-data", "{header}");
            assert_eq!(parameter(header.as_bytes(), "name").as_deref(), Some("file"), "{header}");
            let name = parameter(header.as_bytes(), "filename");
            assert_eq!(name.as_deref(), Some("a;b.txt"), "{header}");
        }
        assert_eq!(
            parameter(b"form-data; filename=my file=1.txt; x=1", "filename").unwrap(),
            "my file=1.txt"
        );
        assert_eq!(parameter(b"form-data", "filename"), None);
        assert_eq!(parameter(b"", "filename"), None);
    }

    #[test]
    fn backslashes_escape_quotes_but_are_kept_in_paths() {
        for (quoted, expected) in [
            (r#""a\"b.txt""#, r#"a"b.txt"#),
            (r#""\"a\".txt""#, r#""a".txt"#),
            (r#""a\\""#, r"a\\"),
            (r#""C:\new\table.txt""#, r"C:\new\table.txt"),
            (r#""\\host\share\a.txt""#, r"\\host\share\a.txt"),
            (r#""C:\folder\""#, r"C:\folder\"),
            (r#""C:\folder\"; name=file"#, r"C:\folder\"),
            (r#""a\"; b\".txt"; name="file""#, r#"a"; b".txt"#),
            (r#""a\"#, r"a\"),
        ] {
            let header = format!("form-data; filename={quoted}");
            assert_eq!(
                parameter(header.as_bytes(), "filename").as_deref(),
                Some(expected),
                "{quoted}"
            );
        }
    }
}
