//! Events over a plain HTTP answer: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Bytes;
use futures_util::stream::{self, StreamExt};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use webchat_chat::{Subscription, TurnProgress, TurnResult, Update};
use webchat_domain::{
    ConversationId, EventBody, Message, MessageAccepted, ResponseChunk, ResponseEnd,
};

use crate::realtime::client::{is_last, outgoing};
use crate::realtime::connections::Connections;
use crate::realtime::server_event::{Answer, Outgoing, Subscribed};

/// The media type of an answer that goes on.
pub(crate) const EVENT_STREAM: &str = "text/event-stream";

/// So long may nothing be sent, before those on the way take the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Clients that were sent away come back after so many milliseconds.
const RETRY: &str = "retry: 2000\n";

/// Where the events come from.
enum Source {
    Conversation(Subscription),
    Turn(Box<TurnProgress>),
}

struct Events {
    id: ConversationId,
    source: Source,
    closing: CancellationToken,
    is_open: bool,
}

/// Everything that happens in a conversation, until it is deleted or the server goes away.
pub(crate) fn conversation(
    connections: &Connections,
    id: ConversationId,
    subscription: Subscription,
) -> HttpResponse {
    let subscribed = Answer::Subscribed(Subscribed {
        conversation_id: id,
        recovered: subscription.recovered(),
        event_seq: subscription.event_seq(),
    });
    let first = [RETRY.to_owned(), frame(&Outgoing::Answer(subscribed))].concat();
    respond(first, events(connections, id, Source::Conversation(subscription)))
}

/// One turn, to its end.
pub(crate) fn turn(
    connections: &Connections,
    id: ConversationId,
    progress: TurnProgress,
) -> HttpResponse {
    respond(String::new(), events(connections, id, Source::Turn(Box::new(progress))))
}

/// A turn that had ended before it was asked for: the same in few words, and without numbers.
pub(crate) fn ended_turn(
    conversation_id: ConversationId,
    accepted: MessageAccepted,
    result: TurnResult,
) -> HttpResponse {
    let turn_id = accepted.turn_id;
    let first = Answer::MessageAccepted { conversation_id, accepted };
    let TurnResult { answer, finish_reason, error, usage, .. } = result;
    let Message { message_id, position, status, token_count, content: chunk, .. } = answer;
    let end = ResponseEnd { message_id, turn_id, position, finish_reason, status, token_count };
    let chunk =
        (!chunk.is_empty()).then_some(EventBody::ResponseChunk(ResponseChunk { chunk, turn_id }));
    let told = chunk
        .into_iter()
        .chain(error.map(EventBody::Error))
        .chain([EventBody::ResponseEnd(end)])
        .chain(usage.map(EventBody::TokenUsage))
        .map(|body| Answer::Recalled { conversation_id, body });
    let frames: String =
        [first].into_iter().chain(told).map(|one| frame(&Outgoing::Answer(one))).collect();
    respond(frames, stream::empty())
}

fn respond(first: String, rest: impl stream::Stream<Item = String> + 'static) -> HttpResponse {
    let parts = stream::iter([first]).filter(|first| {
        let says_something = !first.is_empty();
        async move { says_something }
    });
    let body = parts.chain(rest).map(|part| Ok::<_, Infallible>(Bytes::from(part)));
    HttpResponse::Ok()
        .content_type(EVENT_STREAM)
        .insert_header((CACHE_CONTROL, "no-store"))
        // nginx would wait for more of it.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(body.boxed_local())
}

fn events(
    connections: &Connections,
    id: ConversationId,
    source: Source,
) -> impl stream::Stream<Item = String> + use<> {
    let closing = connections.closing.clone();
    stream::unfold(Events { id, source, closing, is_open: true }, next_part)
}

/// The next events, as fast as the client takes them. When the server goes away, what happened before
/// is told still; the client asks for the rest when it is back.
async fn next_part(mut events: Events) -> Option<(String, Events)> {
    if !events.is_open {
        return None;
    }
    let closing = events.closing.clone();
    let update = tokio::select! {
        next = timeout(KEEP_ALIVE, events.source.next()) => match next {
            Ok(update) => update?,
            Err(_) => return Some((":\n\n".to_owned(), events)),
        },
        () = closing.cancelled() => {
            events.is_open = false;
            events.source.so_far().await?
        }
    };
    let told = outgoing(events.id, update);
    events.is_open = events.is_open && !told.iter().any(is_last);
    Some((told.iter().map(frame).collect(), events))
}

impl Source {
    async fn next(&mut self) -> Option<Update> {
        match self {
            Self::Conversation(subscription) => Some(subscription.next().await),
            Self::Turn(progress) => progress.next().await,
        }
    }

    async fn so_far(&mut self) -> Option<Update> {
        match self {
            Self::Conversation(subscription) => subscription.so_far().await.ok()?,
            Self::Turn(progress) => progress.so_far().await.ok()?,
        }
    }
}

/// JSON has no line breaks of its own.
fn frame(told: &Outgoing) -> String {
    let id = match told {
        Outgoing::Event(event) => Some(event.seq),
        // From there on it goes on.
        Outgoing::Answer(Answer::Subscribed(subscribed)) => Some(subscribed.event_seq),
        Outgoing::Answer(_) => None,
    };
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    match serde_json::to_string(told) {
        Ok(data) => format!("event: {}\n{id}data: {data}\n\n", told.name()),
        Err(error) => {
            tracing::error!(%error, "an event can't be written");
            String::new()
        }
    }
}
