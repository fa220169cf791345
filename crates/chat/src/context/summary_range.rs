//! Selects the messages that a compaction summarises if its requests don't suffice for all of them.

use webchat_domain::Message;
use webchat_tokens::with_overhead;

/// Finds the oldest message that a limited number of requests can summarise. Messages are passed newest first, and
/// each request is filled with consecutive messages.
pub(super) struct SummaryRange {
    /// The maximum number of tokens of a request's transcript.
    max_tokens: u32,
    requests_left: u32,
    /// The free tokens of the current request.
    free: u32,
    is_empty: bool,
}

impl SummaryRange {
    pub(super) fn new(max_tokens: u32, requests: u32) -> Self {
        Self { max_tokens, requests_left: requests, free: 0, is_empty: true }
    }

    /// Adds the next older message. Returns `false` if the requests don't suffice for it. They always suffice for
    /// the newest message, part of which may be omitted.
    pub(super) fn try_add(&mut self, message: &Message) -> bool {
        let tokens = with_overhead(message.token_count);
        if let Some(free) = self.free.checked_sub(tokens) {
            self.free = free;
            return true;
        }
        let requests = tokens.div_ceil(self.max_tokens);
        if requests > self.requests_left && !self.is_empty {
            return false;
        }
        self.requests_left = self.requests_left.saturating_sub(requests);
        // A message that needs several requests doesn't share them with other messages.
        self.free = if requests == 1 { self.max_tokens.saturating_sub(tokens) } else { 0 };
        self.is_empty = false;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how many of these messages are summarised in `requests` requests of 100 tokens, newest first.
    fn count(requests: u32, tokens: &[u32]) -> usize {
        let mut range = SummaryRange::new(100, requests);
        let message = |tokens: &u32| Message { token_count: tokens - 4, ..Message::fixture() };
        tokens.iter().take_while(|tokens| range.try_add(&message(tokens))).count()
    }

    #[test]
    fn messages_are_summarised_as_long_as_they_fit_into_the_requests() {
        assert_eq!(count(4, &[50; 10]), 8);
        assert_eq!(count(4, &[60; 10]), 4);
        assert_eq!(count(1, &[40, 40, 40]), 2);
    }

    #[test]
    fn a_message_may_need_several_requests() {
        assert_eq!(count(4, &[60, 300, 10]), 2);
        assert_eq!(count(3, &[60, 300, 10]), 1);
    }

    #[test]
    fn the_newest_message_is_summarised_however_long_it_is() {
        assert_eq!(count(4, &[10_000, 10]), 1);
    }
}
