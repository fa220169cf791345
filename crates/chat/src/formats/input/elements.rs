//! Splits a document into values. A value is read through a [`ValueReader`], which ends with it.

use std::io::{self, BufRead, BufReader, Read};

use serde::de::DeserializeSeed;

use super::repair::JsonRepair;

/// A JSON document.
pub(in crate::formats) struct Document<R> {
    json: JsonRepair<R>,
}

impl<R: Read> Document<R> {
    pub(in crate::formats) fn new(source: R) -> Self {
        Self { json: JsonRepair::new(source) }
    }

    /// Returns the first byte of the next value, or the closing bracket. Returns `None` at the end.
    pub(in crate::formats) fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.json.fill_buf()?.first() {
                Some(b' ' | b'\n' | b',' | b':') => self.json.consume(1),
                next => return Ok(next.copied()),
            }
        }
    }

    /// Enters the list or object that begins here, or leaves the one that ends here.
    pub(in crate::formats) fn step(&mut self) {
        self.json.consume(1);
    }

    /// Returns the value that begins here.
    pub(in crate::formats) fn value(&mut self) -> ValueReader<'_, R> {
        ValueReader { json: &mut self.json, scan: Scan::default() }
    }

    /// Parses the value that begins here, and continues after it even if it is invalid.
    pub(in crate::formats) fn parse<T>(
        &mut self,
        seed: impl for<'de> DeserializeSeed<'de, Value = T>,
    ) -> io::Result<Result<T, serde_json::Error>> {
        let mut value = self.value();
        let mut json = serde_json::Deserializer::from_reader(BufReader::new(&mut value));
        let parsed = seed.deserialize(&mut json);
        drop(json);
        value.skip()?;
        match parsed {
            Err(error) if error.is_io() => Err(error.into()),
            parsed => Ok(parsed),
        }
    }

    /// Returns whether a part of what was read since the last call was not understood.
    pub(in crate::formats) fn takes_damage(&mut self) -> bool {
        self.json.takes_damage()
    }

    /// Returns the line at which the file ended within a value.
    pub(in crate::formats) fn broken_off_in_line(&self) -> Option<u64> {
        self.json.is_broken_off().then(|| self.json.line_count())
    }
}

/// Reads one value.
pub(in crate::formats) struct ValueReader<'a, R> {
    json: &'a mut JsonRepair<R>,
    scan: Scan,
}

#[derive(Default)]
struct Scan {
    depth: usize,
    is_in_string: bool,
    is_escaped: bool,
    progress: Progress,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Progress {
    #[default]
    NotBegun,
    Begun,
    Ended,
}

impl<R: Read> ValueReader<'_, R> {
    /// Reads the rest of the value.
    pub(in crate::formats) fn skip(&mut self) -> io::Result<()> {
        io::copy(self, &mut io::sink()).map(drop)
    }
}

impl<R: Read> Read for ValueReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.scan.progress == Progress::Ended {
            return Ok(0);
        }
        let available = self.json.fill_buf()?;
        let mut length = 0;
        for (byte, target) in available.iter().zip(buffer.iter_mut()) {
            if !self.scan.includes(*byte) {
                break;
            }
            *target = *byte;
            length += 1;
            if self.scan.progress == Progress::Ended {
                break;
            }
        }
        self.json.consume(length);
        Ok(length)
    }
}

impl Scan {
    /// Whether the next byte belongs to the value.
    fn includes(&mut self, byte: u8) -> bool {
        if self.is_in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => {
                    self.is_in_string = false;
                    self.end_at_depth_0();
                }
                _ => {}
            }
            return true;
        }
        match byte {
            b'"' => self.is_in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' if self.depth > 0 => {
                self.depth -= 1;
                self.end_at_depth_0();
                return true;
            }
            b'}' | b']' | b',' | b':' | b' ' | b'\n'
                if self.depth == 0 && self.progress == Progress::Begun =>
            {
                self.progress = Progress::Ended;
                return false;
            }
            _ => {}
        }
        self.progress = Progress::Begun;
        true
    }

    fn end_at_depth_0(&mut self) {
        if self.depth == 0 {
            self.progress = Progress::Ended;
        }
    }
}
