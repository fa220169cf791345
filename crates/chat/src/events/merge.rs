//! Limits the size of an update, and merges adjacent chunks of an answer or of its reasoning.

use std::sync::Arc;

use webchat_domain::{Event, EventBody};

/// The maximum number of bytes of text in one update, unless a single event is larger. It bounds the memory of a slow
/// client.
pub(super) const MAX_UPDATE_BYTES: usize = 32 * 1024;

/// Returns as many of the first events as fit into one update, at least one.
pub(super) fn take_update(events: &[Arc<Event>]) -> &[Arc<Event>] {
    let mut size = 0;
    let fits = |event: &&Arc<Event>| {
        size += text_len(event);
        size <= MAX_UPDATE_BYTES
    };
    let count = events.iter().take_while(fits).count().max(1);
    events.get(..count).unwrap_or(events)
}

fn text_len(event: &Event) -> usize {
    match &event.body {
        EventBody::MessageAccepted(accepted) => accepted.content.len(),
        body => body.chunk_text().map_or(0, str::len),
    }
}

/// Merges adjacent chunks of the same kind and turn into one chunk with the sequence number of the last one.
pub(super) fn merge_chunks(events: &[Arc<Event>]) -> Vec<Arc<Event>> {
    events
        .chunk_by(|one, next| one.body.is_continued_by(&next.body))
        .filter_map(|group| match group {
            [] | [_] => group.first().cloned(),
            [first, rest @ .., last] => Some(merge_group(first, rest, last)),
        })
        .collect()
}

fn merge_group(first: &Event, rest: &[Arc<Event>], last: &Event) -> Arc<Event> {
    let mut merged = Event { seq: last.seq, ..first.clone() };
    for next in rest {
        merged.body.append(&next.body);
    }
    merged.body.append(&last.body);
    Arc::new(merged)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use webchat_domain::{ConversationChange, ReasoningChunk, ResponseChunk, TurnId};

    use super::*;

    fn chunk(seq: u64, turn_id: TurnId, text: &str) -> Arc<Event> {
        let chunk = ResponseChunk { chunk: text.to_owned(), turn_id };
        event(seq, EventBody::ResponseChunk(chunk))
    }

    fn reasoning(seq: u64, turn_id: TurnId, text: &str) -> Arc<Event> {
        let duration_ms = u32::try_from(seq).unwrap();
        let chunk = ReasoningChunk { chunk: text.to_owned(), duration_ms, turn_id };
        event(seq, EventBody::ReasoningChunk(chunk))
    }

    fn deleted(seq: u64) -> Arc<Event> {
        event(seq, EventBody::ConversationUpdated(ConversationChange::Deleted))
    }

    fn event(seq: u64, body: EventBody) -> Arc<Event> {
        let conversation_id = "0190a000-0000-7000-8000-000000000000".parse().unwrap();
        Arc::new(Event { conversation_id, seq, body })
    }

    #[test]
    fn adjacent_chunks_are_merged_into_one_with_the_last_sequence_number() {
        let (one, other) = (TurnId::generate(), TurnId::generate());
        let events = [
            chunk(1, one, "a"),
            chunk(2, one, "b"),
            chunk(3, other, "c"),
            chunk(4, one, "d"),
            deleted(5),
            chunk(6, one, "e"),
            chunk(8, one, "f"),
            chunk(9, one, "g"),
            reasoning(10, one, "h"),
            reasoning(11, one, "i"),
            reasoning(12, other, "j"),
        ];

        let merged = merge_chunks(&events);

        assert_eq!(
            merged,
            [
                chunk(2, one, "ab"),
                chunk(3, other, "c"),
                chunk(4, one, "d"),
                deleted(5),
                chunk(9, one, "efg"),
                reasoning(11, one, "hi"),
                reasoning(12, other, "j"),
            ]
        );
    }

    fn turn_of_chunk(event: &Event) -> Option<TurnId> {
        match &event.body {
            EventBody::ResponseChunk(chunk) => Some(chunk.turn_id),
            _ => None,
        }
    }

    /// Generates chunks of three turns, and other events.
    fn events() -> impl Strategy<Value = Vec<Arc<Event>>> {
        let turns = [(); 3].map(|()| TurnId::generate());
        proptest::collection::vec((0..4_usize, "[a-zé潮]{1,3}"), 0..40).prop_map(move |drawn| {
            (1..)
                .zip(drawn)
                .map(|(seq, (turn, text))| {
                    turns.get(turn).map_or_else(|| deleted(seq), |turn| chunk(seq, *turn, &text))
                })
                .collect()
        })
    }

    fn text_of(events: &[Arc<Event>], turn: TurnId) -> String {
        let chunks = events.iter().filter(|event| turn_of_chunk(event) == Some(turn));
        chunks.filter_map(|event| event.body.chunk_text()).collect()
    }

    fn other_events(events: &[Arc<Event>]) -> Vec<&Arc<Event>> {
        events.iter().filter(|event| turn_of_chunk(event).is_none()).collect()
    }

    proptest! {
        #[test]
        fn merging_preserves_texts_and_other_events(events in events()) {
            let merged = merge_chunks(&events);

            for turn in events.iter().filter_map(|event| turn_of_chunk(event)) {
                prop_assert_eq!(text_of(&merged, turn), text_of(&events, turn));
            }
            prop_assert_eq!(other_events(&merged), other_events(&events));
            prop_assert!(merged.is_sorted_by(|one, next| one.seq < next.seq));
            let seq_of_last = |events: &[Arc<Event>]| events.last().map(|event| event.seq);
            prop_assert_eq!(seq_of_last(&merged), seq_of_last(&events));
        }
    }
}
