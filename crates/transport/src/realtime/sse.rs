//! Server-sent events over a plain HTTP response:
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

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
    ConversationId, EventBody, MessageAccepted, Reasoning, ReasoningChunk, ResponseChunk,
    ResponseEnd,
};

use super::connections::Connections;
use super::events::outgoing::{OutgoingEvent, Reply, Subscribed};
use super::session_end::SessionEnd;
use crate::metrics::ConnectionPermit;

/// The media type of an event stream.
pub(crate) const EVENT_STREAM: &str = "text/event-stream";

/// The interval of empty comments, which prevent proxies from closing an idle connection.
pub(crate) const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// An empty comment.
pub(crate) const KEEP_ALIVE: &str = ":\n\n";

/// The field with the time that clients wait before they reconnect, in milliseconds.
const RETRY: &str = "retry: 2000\n";

/// The source of the events.
enum Source {
    Conversation(Subscription),
    Turn(Box<TurnProgress>),
}

struct EventStream {
    _permit: ConnectionPermit,
    id: ConversationId,
    source: Source,
    shutdown: CancellationToken,
    is_open: bool,
}

/// Streams the events of a conversation until it is deleted, the session ends or the server shuts down.
pub(crate) fn stream_conversation(
    connections: &Connections,
    permit: ConnectionPermit,
    session_end: SessionEnd,
    id: ConversationId,
    subscription: Subscription,
) -> HttpResponse {
    let subscribed = Reply::Subscribed(Subscribed {
        conversation_id: id,
        recovered: subscription.recovered(),
        event_seq: subscription.event_seq(),
    });
    let first = [RETRY.to_owned(), format_event(&subscribed.into())].concat();
    let source = Source::Conversation(subscription);
    let events = stream_events(connections, permit, id, source);
    respond(first, events.take_until(session_end))
}

/// Streams the events of a turn until it ends, or the session does.
pub(crate) fn stream_turn(
    connections: &Connections,
    permit: ConnectionPermit,
    session_end: SessionEnd,
    id: ConversationId,
    progress: TurnProgress,
) -> HttpResponse {
    let source = Source::Turn(Box::new(progress));
    let events = stream_events(connections, permit, id, source);
    respond(String::new(), events.take_until(session_end))
}

/// Replays a turn that ended before the request, with the answer and its reasoning in one chunk each and without
/// sequence numbers.
pub(crate) fn replay_turn(
    conversation_id: ConversationId,
    accepted: MessageAccepted,
    result: TurnResult,
) -> HttpResponse {
    let turn_id = accepted.turn_id;
    let first = Reply::MessageAccepted { conversation_id, accepted };
    let TurnResult { answer, finish_reason, error, usage, .. } = result;
    let end = ResponseEnd::new(&answer, turn_id, finish_reason);
    let reasoning = answer.reasoning.map(|Reasoning { text: chunk, duration_ms, .. }| {
        EventBody::ReasoningChunk(ReasoningChunk { chunk, duration_ms, turn_id })
    });
    let chunk = answer.content;
    let chunk_event =
        (!chunk.is_empty()).then_some(EventBody::ResponseChunk(ResponseChunk { chunk, turn_id }));
    let replayed_events = reasoning
        .into_iter()
        .chain(chunk_event)
        .chain(error.map(EventBody::Error))
        .chain([EventBody::ResponseEnd(end)])
        .chain(usage.map(EventBody::TokenUsage))
        .map(|body| Reply::Replayed { conversation_id, body });
    let replies = [first].into_iter().chain(replayed_events);
    let text: String = replies.map(|reply| format_event(&reply.into())).collect();
    respond(text, stream::empty())
}

/// Waits for an event. Returns `None` if it is time for a [`KEEP_ALIVE`].
pub(crate) async fn or_keep_alive<T>(event: impl Future<Output = T>) -> Option<T> {
    timeout(KEEP_ALIVE_INTERVAL, event).await.ok()
}

/// Responds with `first` and then the `rest`, as they become available.
pub(crate) fn respond(
    first: String,
    rest: impl stream::Stream<Item = String> + 'static,
) -> HttpResponse {
    let first = stream::iter((!first.is_empty()).then_some(first));
    let body = first.chain(rest).map(|text| Ok::<_, Infallible>(Bytes::from(text)));
    HttpResponse::Ok()
        .content_type(EVENT_STREAM)
        .insert_header((CACHE_CONTROL, "no-store"))
        // Without this header, nginx would buffer the stream.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(body.boxed_local())
}

fn stream_events(
    connections: &Connections,
    permit: ConnectionPermit,
    id: ConversationId,
    source: Source,
) -> impl stream::Stream<Item = String> + use<> {
    let shutdown = connections.shutdown.clone();
    let state = EventStream { _permit: permit, id, source, shutdown, is_open: true };
    stream::unfold(state, next_events)
}

/// Waits for the next events. At shutdown, the client still receives the available events; it receives later ones
/// when it reconnects.
async fn next_events(mut state: EventStream) -> Option<(String, EventStream)> {
    if !state.is_open {
        return None;
    }
    let shutdown = state.shutdown.clone();
    let update = tokio::select! {
        next = or_keep_alive(state.source.next()) => match next {
            Some(update) => update?,
            None => return Some((KEEP_ALIVE.to_owned(), state)),
        },
        () = shutdown.cancelled() => {
            state.is_open = false;
            state.source.next_available().await?
        }
    };
    let outgoing = OutgoingEvent::from_update(state.id, update);
    state.is_open = state.is_open && !outgoing.iter().any(OutgoingEvent::is_last);
    Some((outgoing.iter().map(format_event).collect(), state))
}

impl Source {
    async fn next(&mut self) -> Option<Update> {
        match self {
            Self::Conversation(subscription) => Some(subscription.next().await),
            Self::Turn(progress) => progress.next().await,
        }
    }

    async fn next_available(&mut self) -> Option<Update> {
        match self {
            Self::Conversation(subscription) => subscription.next_available().await.ok()?,
            Self::Turn(progress) => progress.next_available().await.ok()?,
        }
    }
}

/// Formats an event. Its JSON contains no line breaks, so one `data` line is enough.
fn format_event(event: &OutgoingEvent) -> String {
    let id = match event {
        OutgoingEvent::Event(event) => Some(event.seq),
        OutgoingEvent::Reply(reply) => match **reply {
            // A client that reconnects continues after this event.
            Reply::Subscribed(ref subscribed) => Some(subscribed.event_seq),
            _ => None,
        },
    };
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    match serde_json::to_string(event) {
        Ok(data) => format!("event: {}\n{id}data: {data}\n\n", event.name()),
        Err(error) => {
            tracing::error!(%error, "failed to serialize event");
            String::new()
        }
    }
}
