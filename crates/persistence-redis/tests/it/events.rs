//! Event fixtures.

use webchat_domain::{EventBody, Ledger, MessageAccepted, ResponseChunk, TokenUsage, TurnId};

pub(crate) fn chunk(text: &str) -> EventBody {
    EventBody::ResponseChunk(ResponseChunk { chunk: text.to_owned(), turn_id: TurnId::generate() })
}

pub(crate) fn accepted(turn_id: TurnId) -> EventBody {
    EventBody::MessageAccepted(MessageAccepted { turn_id, ..MessageAccepted::fixture() })
}

pub(crate) fn usage(turn_id: TurnId) -> EventBody {
    let ledger = Ledger { window: 9, reserved: 2, history: 3, total: 5, ..Ledger::default() };
    EventBody::TokenUsage(TokenUsage {
        turn_id,
        total_tokens_used: 5,
        cached_tokens: 0,
        reasoning_tokens: 0,
        ledger,
    })
}
