//! Validates WebSocket frames (RFC 6455, section 5.2) as their bytes arrive. `actix_ws` checks sizes too late: the
//! size of a frame after it has buffered the frame, and the size of a fragmented message after its last fragment.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::error::PayloadError;
use actix_web::web::{self, Bytes};
use actix_web::{FromRequest, HttpRequest, dev};
use futures_util::{Stream, StreamExt};
use webchat_chat::{Limit, count_reached_limit};

use super::violation::{FirstViolation, Violation};
use crate::realtime::burst_rate::BurstRateLimiter;
use crate::realtime::unfinished_message::UnfinishedMessage;

/// The maximum length of a header without its masking key: two bytes, and eight for an extended payload
/// length.
const MAX_HEADER_BYTES: usize = 10;

/// The length of the masking key of a client's frame.
const MASKING_KEY_BYTES: u64 = 4;

/// The size below which a fragment is counted, because many small fragments only cost processing time.
const SMALL_FRAGMENT_BYTES: u64 = 16;

/// The number of control frames and small fragments that a client may send per allowed message.
const FRAMES_PER_MESSAGE: u32 = 10;

/// The limits of the frames of a WebSocket.
#[derive(Clone, Copy)]
pub(crate) struct FrameLimits {
    /// The maximum size of a frame, in bytes.
    pub(crate) max_frame: usize,
    /// The maximum size of a fragmented message, in bytes.
    pub(crate) max_message: usize,
    /// The maximum number of messages of the client per second.
    pub(crate) messages_per_second: u32,
}

/// Wraps a payload so that it ends before the first invalid frame.
pub(crate) async fn validate_frames(
    request: &HttpRequest,
    payload: web::Payload,
    limits: FrameLimits,
) -> Result<(web::Payload, FirstViolation), actix_web::Error> {
    let violation = FirstViolation::default();
    let stream = ValidatedPayload {
        payload: payload.into_inner(),
        validator: FrameValidator::new(limits),
        unfinished: UnfinishedMessage::new(request),
        violation: violation.clone(),
    };
    let mut payload = dev::Payload::Stream { payload: stream.boxed_local() };
    Ok((web::Payload::from_request(request, &mut payload).await?, violation))
}

/// A payload that ends before the first invalid frame.
struct ValidatedPayload {
    payload: dev::Payload,
    validator: FrameValidator,
    unfinished: UnfinishedMessage,
    violation: FirstViolation,
}

impl Stream for ValidatedPayload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.violation.get().is_some() {
            return Poll::Ready(None);
        }
        let next = Pin::new(&mut this.payload).poll_next(context);
        next.map(|next| {
            let mut bytes = match next? {
                Ok(bytes) => bytes,
                Err(error) => return Some(Err(error)),
            };
            if let Err((valid_bytes, violation)) = this.validator.check(&bytes) {
                this.violation.set(violation);
                bytes.truncate(valid_bytes);
            } else if let Err(violation) =
                this.unfinished.update(this.validator.messages, this.validator.unfinished_bytes())
            {
                this.violation.set(violation);
                return None;
            }
            Some(Ok(bytes))
        })
    }
}

/// Tracks the position in a client's stream of frames.
struct FrameValidator {
    max_frame: u64,
    max_message: u64,
    /// The received bytes of the current header.
    header: Vec<u8>,
    /// The number of bytes of the current frame after its header that have not arrived yet.
    remaining: u64,
    /// The size of the current message so far, including the current frame.
    message_bytes: u64,
    /// The number of messages that have begun.
    messages: u64,
    /// Whether the current frame is the last one of its message.
    is_last_frame: bool,
    /// Limits the control frames and small fragments. Messages have their own limit.
    frame_limiter: BurstRateLimiter,
}

impl FrameValidator {
    fn new(limits: FrameLimits) -> Self {
        let FrameLimits { max_frame, max_message, messages_per_second } = limits;
        let frames_per_second = messages_per_second.saturating_mul(FRAMES_PER_MESSAGE);
        let to_u64 = |limit| u64::try_from(limit).unwrap_or(u64::MAX);
        Self {
            max_frame: to_u64(max_frame),
            max_message: to_u64(max_message),
            header: Vec::with_capacity(MAX_HEADER_BYTES),
            remaining: 0,
            message_bytes: 0,
            messages: 0,
            is_last_frame: true,
            frame_limiter: BurstRateLimiter::per_second(frames_per_second),
        }
    }

    /// Returns the number of received bytes of the current message, or 0 once it is complete.
    fn unfinished_bytes(&self) -> usize {
        if self.is_last_frame && self.remaining == 0 {
            return 0;
        }
        usize::try_from(self.message_bytes.saturating_sub(self.remaining)).unwrap_or(usize::MAX)
    }

    /// Checks the next bytes. The error is the number of valid bytes before the invalid frame, and the violation.
    fn check(&mut self, bytes: &[u8]) -> Result<(), (usize, Violation)> {
        let (mut position, mut frame_start) = (0, 0);
        while let Some(next) = bytes.get(position) {
            if self.remaining > 0 {
                let available = bytes.len().saturating_sub(position);
                let skipped = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(available);
                let skipped_bytes = u64::try_from(skipped).unwrap_or(u64::MAX);
                self.remaining = self.remaining.saturating_sub(skipped_bytes);
                position += skipped;
                continue;
            }
            if self.header.is_empty() {
                frame_start = position;
            }
            self.header.push(*next);
            position += 1;
            self.check_header().map_err(|violation| (frame_start, violation))?;
        }
        Ok(())
    }

    /// Checks the header once it has arrived, except for the masking key, which precedes the payload.
    fn check_header(&mut self) -> Result<(), Violation> {
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
        let is_control = opcode & 0x08 != 0;
        let is_final = first & 0x80 != 0;
        let is_fragment = opcode == 0 || !is_final;
        self.header.clear();
        if has_reserved {
            return Err(Violation::ReservedBits);
        }
        let is_counted = is_control || is_fragment && length < SMALL_FRAGMENT_BYTES;
        if is_counted && self.frame_limiter.check().is_err() {
            count_reached_limit(Limit::MessagesPerConnection);
            return Err(Violation::TooManyFrames);
        }
        match opcode {
            0 => self.message_bytes = self.message_bytes.saturating_add(length),
            1 | 2 => {
                self.message_bytes = length;
                self.messages += 1;
            }
            // Control frames may come between the fragments of a message.
            _ => {}
        }
        if !is_control {
            self.is_last_frame = is_final;
        }
        if length > self.max_frame || self.message_bytes > self.max_message {
            return Err(Violation::TooLarge);
        }
        self.remaining = length + if is_masked { MASKING_KEY_BYTES } else { 0 };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validator() -> FrameValidator {
        FrameValidator::new(FrameLimits {
            max_frame: 70_000,
            max_message: 100_000,
            messages_per_second: 10,
        })
    }

    /// Returns a frame with an arbitrary masking key and a payload of `length` bytes.
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

    /// Checks the bytes together and one by one, which must give the same result.
    fn check(bytes: &[u8]) -> Option<Violation> {
        let together = validator().check(bytes).err();
        let mut validator = validator();
        let one_by_one = bytes.iter().find_map(|byte| validator.check(&[*byte]).err());
        let violation = |error: Option<(usize, Violation)>| error.map(|(_, violation)| violation);
        assert_eq!(violation(together), violation(one_by_one));
        violation(together)
    }

    #[test]
    fn frames_with_lengths_of_every_encoding_are_accepted() {
        let lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000];
        let frames: Vec<u8> = lengths.iter().flat_map(|length| frame(0x81, *length)).collect();

        assert_eq!(check(&frames), None);
    }

    #[test]
    fn a_frame_is_rejected_as_soon_as_its_header_declares_too_much() {
        let valid = frame(0x82, 70_000);
        let bytes = [valid.clone(), frame(0x82, 70_001)].concat();
        let header = valid.len() + 10;

        let violation = validator().check(&bytes[..header]);

        assert_eq!(violation, Err((valid.len(), Violation::TooLarge)));
        assert_eq!(
            check(&[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            Some(Violation::TooLarge)
        );
    }

    #[test]
    fn the_size_of_a_message_is_the_sum_of_its_fragments_without_control_frames() {
        let (first, next, last, ping) =
            (frame(0x01, 40_000), frame(0x00, 40_000), frame(0x80, 20_000), frame(0x89, 125));
        let message = [first.clone(), ping.clone(), next.clone(), ping, last.clone()].concat();

        assert_eq!(check(&[message.clone(), message].concat()), None);
        let larger = [first, next, last, frame(0x80, 1)].concat();
        assert_eq!(check(&larger), Some(Violation::TooLarge));
    }

    #[test]
    fn reserved_bits_are_rejected_and_earlier_frames_are_accepted() {
        for bit in [0x10, 0x20, 0x40] {
            let valid = frame(0x81, 300);
            let bytes = [valid.clone(), frame(0x81 | bit, 5)].concat();

            let violation = validator().check(&bytes);

            assert_eq!(violation, Err((valid.len(), Violation::ReservedBits)));
        }
    }

    #[test]
    fn many_control_frames_or_small_fragments_are_rejected() {
        let (pong, empty, small, large) =
            (frame(0x8a, 0), frame(0x00, 0), frame(0x00, 15), frame(0x00, 16));
        let repeated = |frame: &[u8]| validator().check(&frame.repeat(2_000)).map_err(|(_, v)| v);

        for flood in [pong, empty, small] {
            assert!(repeated(&flood).is_err());
            assert_eq!(validator().check(&flood.repeat(100)), Ok(()));
        }
        assert_eq!(repeated(&large), Ok(()));
    }

    #[test]
    fn the_bytes_of_a_message_count_as_unfinished_until_its_last_frame_is_complete() {
        let unfinished = |bytes: &[u8]| {
            let mut validator = validator();
            validator.check(bytes).unwrap();
            validator.unfinished_bytes()
        };
        let (first, last) = (frame(0x01, 40_000), frame(0x80, 20_000));
        let whole = [first.clone(), last.clone()].concat();

        assert_eq!(unfinished(&[]), 0);
        assert_eq!(unfinished(&first), 40_000);
        assert_eq!(unfinished(&[first, frame(0x89, 5)].concat()), 40_000);
        assert_eq!(unfinished(&whole[..whole.len() - 1]), 59_999);
        assert_eq!(unfinished(&whole), 0);
    }
}
