//! Events for tests.

use webchat_domain::{
    EventBody, Ledger, MessageAccepted, MessageId, ResponseChunk, Timestamp, TokenUsage, TurnId,
};

pub(crate) fn chunk(text: &str) -> EventBody {
    EventBody::ResponseChunk(ResponseChunk { chunk: text.to_owned(), turn_id: TurnId::generate() })
}

pub(crate) fn accepted(turn_id: TurnId) -> EventBody {
    EventBody::MessageAccepted(MessageAccepted {
        message_id: MessageId::generate(),
        position: 1,
        turn_id,
        client_message_id: None,
        answer_id: MessageId::generate(),
        content: "why?".to_owned(),
        token_count: 2,
        created_at: Timestamp::from_unix_millis(1_767_323_045_000),
    })
}

pub(crate) fn usage(turn_id: TurnId) -> EventBody {
    let ledger = Ledger { window: 9, reserved: 2, history: 3, total: 5, ..Ledger::default() };
    EventBody::TokenUsage(TokenUsage { turn_id, total_tokens_used: 5, ledger })
}
