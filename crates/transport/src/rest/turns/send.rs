use std::time::Duration;

use actix_web::http::header::HeaderName;
use actix_web::web::{self, Data, Path, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use utoipa::{IntoParams, OpenApi, ToSchema};
use webchat_chat::{Chat, ChatError, SendMessage, Sent, TurnProgress, TurnResult};
use webchat_domain::{
    ClientMessageId, ConversationId, FinishReason, Ledger, Message, TurnId, UserId,
};

use crate::error::api_error::ApiError;
use crate::error::api_error::ErrorBody;
use crate::extract::accept::preferred;
use crate::extract::body::Body;
use crate::extract::idempotency_key::Keyed;
use crate::extract::session::Caller;
use crate::extract::session::Reader;
use crate::openapi::responses::{BadBody, BadParameter, NotAcceptable, NotFound};
use crate::realtime::connections::Connections;
use crate::realtime::sse::{self, EVENT_STREAM};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

const JSON: &str = "application/json";

/// How long whoever waits for an answer may read its end when the server goes away: turns have ended
/// then, but for those of other instances.
const LAST_WORDS: Duration = Duration::from_secs(3);

#[derive(OpenApi)]
#[openapi(paths(send, stop, follow))]
pub(crate) struct Described;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/conversations/{id}/events").route(web::get().to(follow)))
        .service(
            web::resource("/conversations/{id}/turns/{turn_id}").route(web::delete().to(stop)),
        );
}

/// A message to send.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewMessage {
    /// What is said.
    #[schema(pattern = r"\S")]
    message: String,
    /// The client's name for it: a name that is known gives the first result.
    client_message_id: Option<ClientMessageId>,
    /// The last message that the client knows.
    #[schema(format = "uint64", maximum = 18_446_744_073_709_551_615_usize)]
    expected_position: Option<u64>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// The number of the last event that is known.
    #[param(format = "uint64", maximum = 18_446_744_073_709_551_615_usize)]
    after: Option<u64>,
}

/// One event of a stream.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described: it is written as text")]
pub(crate) struct StreamedEvent {
    /// Its name, as on the WebSocket.
    event: String,
    /// Its `seq`, where it has one.
    #[schema(nullable = false)]
    id: Option<String>,
    /// What it says, as JSON.
    data: String,
}

/// A turn that has ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct Answered {
    question: Message,
    answer: Message,
    /// Whether the answer is whole.
    finish_reason: FinishReason,
    /// Why it failed, or what it was filtered for.
    error: Option<Failure>,
    /// `null` when the turn ended too long ago.
    total_tokens_used: Option<u32>,
    /// What was sent to the model; `null` when the turn ended too long ago.
    ledger: Option<Ledger>,
}

/// Why an answer failed.
#[derive(Serialize, ToSchema)]
struct Failure {
    message: String,
    code: String,
}

/// Asks, and answers when the answer is there, or as it comes.
///
/// It is 200 whatever became of the answer: `finish_reason` and `error` say that. An error status says
/// that nothing was stored.
#[utoipa::path(
    post,
    path = "/conversations/{id}/messages",
    tag = "turns",
    operation_id = "send_message",
    params(
        ("id" = ConversationId, Path, description = "The conversation."),
        Keyed,
    ),
    request_body(content = NewMessage, example = json!({"message": "Why two tides a day?"})),
    responses(
        (
            status = 200,
            description = "The turn has ended, or its events.",
            content((Answered = "application/json"), (StreamedEvent = "text/event-stream")),
        ),
        NotFound,
        NotAcceptable,
        BadBody,
        (
            status = 409,
            body = ErrorBody,
            description = "An answer is being made, or the conversation has moved on.",
        ),
        (
            status = 429,
            body = ErrorBody,
            description = "Too much at once.",
            headers(("Retry-After" = u32, description = "Seconds.")),
        ),
        (
            status = 503,
            body = ErrorBody,
            description = "The server or its store goes away.",
            headers(("Retry-After" = u32, description = "Seconds.")),
        ),
    ),
)]
pub(crate) async fn send(
    request: HttpRequest,
    caller: Caller,
    id: Path<ConversationId>,
    message: Body<NewMessage>,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::read(&request)?;
    let NewMessage { message, client_message_id, expected_position } = message.into_inner().0;
    let client_message_id = one_name(asked.client_message_id.clone(), client_message_id)?;
    let message = SendMessage { content: message, client_message_id, expected_position };
    let user_id = caller.0.user_id;
    let sent = chat.send_message(user_id, *id, message).await?;
    asked.answer(&chat, &connections, user_id, *id, sent).await
}

/// How a turn is asked for, beside its body. To be read before anything is stored.
pub(crate) struct Asked {
    media_type: &'static str,
    pub(crate) client_message_id: Option<ClientMessageId>,
}

impl Asked {
    pub(crate) fn read(request: &HttpRequest) -> Result<Self, ApiError> {
        let media_type = preferred(request, &[JSON, EVENT_STREAM])?;
        let client_message_id = Keyed::read(request)?.key.map(ClientMessageId::from);
        Ok(Self { media_type, client_message_id })
    }

    /// What a turn is answered with, as JSON when it has ended, or as its events.
    pub(crate) async fn answer(
        &self,
        chat: &Chat,
        connections: &Connections,
        user_id: UserId,
        id: ConversationId,
        sent: Sent,
    ) -> Result<HttpResponse, ApiError> {
        let progress = chat.progress(user_id, id, sent).await?;
        let as_events = self.media_type == EVENT_STREAM;
        if as_events && !progress.is_over() {
            return Ok(sse::turn(connections, id, progress));
        }
        let accepted = progress.accepted().clone();
        let result = result(connections, progress).await?;
        if as_events {
            return Ok(sse::ended_turn(id, accepted, result));
        }
        Ok(HttpResponse::Ok().json(Answered::from(result)))
    }
}

/// Ends the answer that is being made. What came of it is kept.
#[utoipa::path(
    delete,
    path = "/conversations/{id}/turns/{turn_id}",
    tag = "turns",
    operation_id = "stop_turn",
    params(
        ("id" = ConversationId, Path, description = "The conversation."),
        ("turn_id" = TurnId, Path, description = "The turn."),
    ),
    responses((status = 204, description = "It ends."), NotFound),
)]
async fn stop(
    caller: Caller,
    ids: Path<(ConversationId, TurnId)>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let (id, turn_id) = ids.into_inner();
    chat.stop_turn(caller.0.user_id, id, turn_id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What happens in a conversation, as server-sent events.
#[utoipa::path(
    get,
    path = "/conversations/{id}/events",
    tag = "turns",
    operation_id = "follow_conversation",
    params(
        ("id" = ConversationId, Path, description = "The conversation."),
        EventsQuery,
        (
            "Last-Event-ID" = Option<u64>,
            Header,
            format = "uint64",
            maximum = 18_446_744_073_709_551_615_usize,
            description = "As `after`, which it wins over: browsers send it by themselves.",
        ),
    ),
    responses(
        (
            status = 200,
            description = "Events without end.",
            content((StreamedEvent = "text/event-stream")),
        ),
        BadParameter,
        NotFound,
        NotAcceptable,
    ),
)]
async fn follow(
    request: HttpRequest,
    reader: Reader,
    id: Path<ConversationId>,
    query: Query<EventsQuery>,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, ApiError> {
    preferred(&request, &[EVENT_STREAM])?;
    let after = last_event_id(&request)?.or(query.after).unwrap_or(0);
    let following = chat.subscribe(reader.user_id, *id, Some(after)).await?;
    Ok(sse::conversation(&connections, *id, following))
}

async fn result(connections: &Connections, progress: TurnProgress) -> Result<TurnResult, ApiError> {
    let too_late = async {
        connections.closing().await;
        sleep(LAST_WORDS).await;
    };
    tokio::select! {
        result = progress.result() => Ok(result?),
        () = too_late => Err(ChatError::ShuttingDown.into()),
    }
}

fn one_name(
    key: Option<ClientMessageId>,
    client_message_id: Option<ClientMessageId>,
) -> Result<Option<ClientMessageId>, ApiError> {
    if key.is_some() && client_message_id.is_some() && key != client_message_id {
        let message = "`Idempotency-Key` and `client_message_id` name the message differently.";
        return Err(ApiError::InvalidRequest(message.to_owned()));
    }
    Ok(key.or(client_message_id))
}

/// Where a client that comes back stopped: an event's number.
fn last_event_id(request: &HttpRequest) -> Result<Option<u64>, ApiError> {
    let Some(id) = request.headers().get(LAST_EVENT_ID) else { return Ok(None) };
    let number = id.to_str().ok().and_then(|id| id.parse().ok());
    number.map(Some).ok_or_else(|| {
        ApiError::InvalidRequest("`Last-Event-ID` must be the number of an event.".to_owned())
    })
}

impl From<TurnResult> for Answered {
    fn from(result: TurnResult) -> Self {
        let TurnResult { question, answer, finish_reason, error, usage } = result;
        Self {
            question,
            answer,
            finish_reason,
            error: error.map(|error| Failure { message: error.message, code: error.code }),
            total_tokens_used: usage.as_ref().map(|usage| usage.total_tokens_used),
            ledger: usage.map(|usage| usage.ledger),
        }
    }
}
