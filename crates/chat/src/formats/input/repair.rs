//! Reads a file as JSON that is repaired on the way.

use std::io::{self, BufRead, Read, Write};

use super::decoder::TextDecoder;
use super::repairer::Repairer;

/// Reads the repaired text of a file.
pub(super) struct JsonRepair<R> {
    source: TextDecoder<R>,
    output: Vec<u8>,
    /// The number of bytes of `output` that were read.
    consumed: usize,
    repairer: Repairer,
    /// Whether a damage was in the output that was read before the current one.
    has_read_damage: bool,
    is_at_end: bool,
    lines: u64,
}

impl<R: Read> JsonRepair<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source: TextDecoder::new(source),
            output: Vec::new(),
            consumed: 0,
            repairer: Repairer::new(),
            has_read_damage: false,
            is_at_end: false,
            lines: 1,
        }
    }

    /// Returns the number of lines that were read so far.
    pub(super) fn line_count(&self) -> u64 {
        self.lines
    }

    /// Returns whether the file ended within a value.
    pub(super) fn is_broken_off(&self) -> bool {
        self.is_at_end && self.repairer.is_in_value()
    }

    /// Returns whether a part of what was read since the last call was not understood.
    pub(super) fn takes_damage(&mut self) -> bool {
        let mut has_damage = std::mem::take(&mut self.has_read_damage);
        while self.repairer.damages.pop_front_if(|position| *position <= self.consumed).is_some() {
            has_damage = true;
        }
        has_damage
    }

    fn refill(&mut self) -> io::Result<()> {
        while self.consumed >= self.output.len() && !self.is_at_end {
            self.has_read_damage |= !self.repairer.damages.is_empty();
            self.repairer.damages.clear();
            self.consumed = 0;
            self.output.clear();
            let chunk = self.source.next_chunk()?;
            if chunk.is_empty() {
                self.is_at_end = true;
                self.repairer.finish(&mut self.output);
            }
            let breaks = chunk.split(|byte| *byte == b'\n').skip(1).count();
            self.lines += u64::try_from(breaks).unwrap_or_default();
            self.repairer.push_all(chunk, &mut self.output);
        }
        Ok(())
    }
}

impl<R: Read> Read for JsonRepair<R> {
    fn read(&mut self, mut buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = buffer.write(self.fill_buf()?)?;
        self.consume(bytes);
        Ok(bytes)
    }
}

impl<R: Read> BufRead for JsonRepair<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.refill()?;
        Ok(self.output.get(self.consumed..).unwrap_or_default())
    }

    fn consume(&mut self, bytes: usize) {
        self.consumed += bytes;
    }
}

#[cfg(test)]
mod tests;
