//! A look at the frames of a WebSocket (RFC 6455, section 5.2) while their bytes come in. What reads
//! them keeps all of a frame before it asks for its size, and adds up the parts of a message only
//! when all is there.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::error::PayloadError;
use actix_web::web::{self, Bytes};
use actix_web::{FromRequest, HttpRequest, dev};
use futures_util::{Stream, StreamExt};

/// The longest header: two bytes, and eight for the length.
const LONGEST_HEADER: usize = 10;

/// The key by which a client masks a frame.
const MASK: u64 = 4;

/// What a client may not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// A frame, or a message of several, that is larger than it may be.
    TooLarge,
    /// A frame with bits that nothing gives a meaning.
    ReservedBits,
}

/// What was found, once something was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found(Rc<Cell<Option<Violation>>>);

impl Found {
    pub(crate) fn get(&self) -> Option<Violation> {
        self.0.get()
    }
}

/// The bytes of a client as far as they may come: they end before the first frame that may not.
pub(crate) async fn inspected(
    request: &HttpRequest,
    payload: web::Payload,
    max_frame: usize,
    max_message: usize,
) -> Result<(web::Payload, Found), actix_web::Error> {
    let found = Found::default();
    let headers = Headers::new(max_frame, max_message);
    let stream = Inspected { bytes: payload.into_inner(), headers, found: found.clone() };
    let mut payload = dev::Payload::Stream { payload: stream.boxed_local() };
    Ok((web::Payload::from_request(request, &mut payload).await?, found))
}

struct Inspected {
    bytes: dev::Payload,
    headers: Headers,
    found: Found,
}

impl Stream for Inspected {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.found.get().is_some() {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut self.bytes).poll_next(context);
        polled.map(|next| {
            let mut bytes = match next? {
                Ok(bytes) => bytes,
                Err(error) => return Some(Err(error)),
            };
            if let Err((before, violation)) = self.headers.pass(&bytes) {
                self.found.0.set(Some(violation));
                bytes.truncate(before);
            }
            Some(Ok(bytes))
        })
    }
}

/// Where in its frames a client is.
struct Headers {
    max_frame: u64,
    max_message: u64,
    /// What has come of the next header.
    header: Vec<u8>,
    /// Bytes to come of the frame whose header has come.
    rest: u64,
    /// The size of the message so far.
    message: u64,
}

impl Headers {
    fn new(max_frame: usize, max_message: usize) -> Self {
        let bytes = |limit| u64::try_from(limit).unwrap_or(u64::MAX);
        Self {
            max_frame: bytes(max_frame),
            max_message: bytes(max_message),
            header: Vec::with_capacity(LONGEST_HEADER),
            rest: 0,
            message: 0,
        }
    }

    /// Passes over these bytes. What is wrong comes with the number of bytes before its frame.
    fn pass(&mut self, bytes: &[u8]) -> Result<(), (usize, Violation)> {
        let (mut place, mut frame) = (0, 0);
        while let Some(next) = bytes.get(place) {
            if self.rest > 0 {
                let left = bytes.len().saturating_sub(place);
                let passed = usize::try_from(self.rest).unwrap_or(usize::MAX).min(left);
                self.rest = self.rest.saturating_sub(u64::try_from(passed).unwrap_or(u64::MAX));
                place += passed;
                continue;
            }
            if self.header.is_empty() {
                frame = place;
            }
            self.header.push(*next);
            place += 1;
            self.begin_frame().map_err(|violation| (frame, violation))?;
        }
        Ok(())
    }

    /// Begins with the payload if the header is complete, up to its mask.
    fn begin_frame(&mut self) -> Result<(), Violation> {
        let [first, second, length @ ..] = self.header.as_slice() else { return Ok(()) };
        let is_masked = second & 0x80 != 0;
        let length = match (second & 0x7f, length) {
            (126, [high, low]) => u64::from(u16::from_be_bytes([*high, *low])),
            (127, length) if length.len() == 8 => {
                length.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
            }
            (126 | 127, _) => return Ok(()),
            (length, _) => u64::from(length),
        };
        let (has_reserved, opcode) = (first & 0x70 != 0, first & 0x0f);
        self.header.clear();
        if has_reserved {
            return Err(Violation::ReservedBits);
        }
        match opcode {
            0 => self.message = self.message.saturating_add(length),
            1 | 2 => self.message = length,
            // Control frames come in between.
            _ => {}
        }
        if length > self.max_frame || self.message > self.max_message {
            return Err(Violation::TooLarge);
        }
        self.rest = length + if is_masked { MASK } else { 0 };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame with its mask, which is not looked at, and a payload of so many bytes.
    fn frame(first: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match length {
            0..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
            126..65_536 => {
                frame.push(0x80 | 0x7e);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 0x7f);
                frame.extend(u64::try_from(length).unwrap().to_be_bytes());
            }
        }
        frame.extend(vec![0xf1; 4 + length]);
        frame
    }

    /// Whole, and byte by byte: what is found, and how many bytes before it are passed.
    fn pass(bytes: &[u8]) -> Option<Violation> {
        let whole = Headers::new(70_000, 100_000).pass(bytes).err();
        let mut headers = Headers::new(70_000, 100_000);
        let first = bytes.iter().find_map(|byte| headers.pass(&[*byte]).err());
        let violation = |found: Option<(usize, Violation)>| found.map(|(_, violation)| violation);
        assert_eq!(violation(whole), violation(first));
        violation(whole)
    }

    #[test]
    fn frames_of_every_form_pass() {
        let lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000];
        let frames: Vec<u8> = lengths.iter().flat_map(|length| frame(0x81, *length)).collect();

        assert_eq!(pass(&frames), None);
    }

    #[test]
    fn a_frame_is_too_large_as_soon_as_it_says_so() {
        let sound = frame(0x82, 70_000);
        let large = [sound.clone(), frame(0x82, 70_001)].concat();
        let header = sound.len() + 10;

        let found = Headers::new(70_000, 100_000).pass(&large[..header]);

        assert_eq!(found, Err((sound.len(), Violation::TooLarge)));
        assert_eq!(
            pass(&[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            Some(Violation::TooLarge)
        );
    }

    #[test]
    fn the_parts_of_a_message_are_added_up_and_what_comes_in_between_is_not() {
        let (begun, part, last, ping) =
            (frame(0x01, 40_000), frame(0x00, 40_000), frame(0x80, 20_000), frame(0x89, 125));
        let message = [begun.clone(), ping.clone(), part.clone(), ping, last.clone()].concat();

        assert_eq!(pass(&[message.clone(), message].concat()), None);
        let larger = [begun, part, last, frame(0x80, 1)].concat();
        assert_eq!(pass(&larger), Some(Violation::TooLarge));
    }

    #[test]
    fn reserved_bits_are_found_and_what_came_before_is_passed() {
        for bit in [0x10, 0x20, 0x40] {
            let sound = frame(0x81, 300);
            let bytes = [sound.clone(), frame(0x81 | bit, 5)].concat();

            let found = Headers::new(70_000, 100_000).pass(&bytes);

            assert_eq!(found, Err((sound.len(), Violation::ReservedBits)));
        }
    }
}
