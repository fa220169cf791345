use std::time::Duration;

use actix_web::http::header::HeaderName;
use actix_web::web::{self, Data, Json, Path, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use webchat_chat::{Chat, ChatError, SendMessage, Sent, TurnProgress, TurnResult};
use webchat_domain::{
    ClientMessageId, ConversationId, FinishReason, InvalidClientMessageId, Ledger, Message, TurnId,
    UserId,
};

use crate::accept::preferred;
use crate::realtime::{Connections, EVENT_STREAM, sse};
use crate::{ApiError, Caller, Reader};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

const JSON: &str = "application/json";

/// How long whoever waits for an answer may read its end when the server goes away: turns have ended
/// then, but for those of other instances.
const LAST_WORDS: Duration = Duration::from_secs(3);

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/conversations/{id}/events").route(web::get().to(follow)))
        .service(
            web::resource("/conversations/{id}/turns/{turn_id}").route(web::delete().to(stop)),
        );
}

/// A message to send.
#[derive(Deserialize)]
pub(super) struct NewMessage {
    message: String,
    client_message_id: Option<ClientMessageId>,
    expected_position: Option<u64>,
}

#[derive(Deserialize)]
struct EventsQuery {
    after: Option<u64>,
}

/// A turn that has ended.
#[derive(Serialize)]
struct Answered {
    question: Message,
    answer: Message,
    finish_reason: FinishReason,
    error: Option<Failure>,
    total_tokens_used: Option<u32>,
    ledger: Option<Ledger>,
}

/// Why an answer failed.
#[derive(Serialize)]
struct Failure {
    message: String,
    code: String,
}

pub(super) async fn send(
    request: HttpRequest,
    caller: Caller,
    id: Path<ConversationId>,
    message: Json<NewMessage>,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, ApiError> {
    // Before anything is stored.
    let media_type = preferred(&request, &[JSON, EVENT_STREAM])?;
    let NewMessage { message, client_message_id, expected_position } = message.into_inner();
    let client_message_id = one_name(idempotency_key(&request)?, client_message_id)?;
    let message = SendMessage { content: message, client_message_id, expected_position };
    let owner = caller.0.user_id;
    let sent = chat.send_message(owner, *id, message).await?;
    answer(media_type, &chat, &connections, owner, *id, sent).await
}

async fn stop(
    caller: Caller,
    ids: Path<(ConversationId, TurnId)>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let (id, turn_id) = ids.into_inner();
    chat.stop_turn(caller.0.user_id, id, turn_id).await?;
    Ok(HttpResponse::NoContent().finish())
}

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
    let following = chat.follow(reader.user_id, *id, Some(after)).await?;
    Ok(sse::conversation(&connections, *id, following))
}

/// What a turn is answered with, as JSON when it has ended, or as its events.
pub(super) async fn answer(
    media_type: &str,
    chat: &Chat,
    connections: &Connections,
    owner: UserId,
    id: ConversationId,
    sent: Sent,
) -> Result<HttpResponse, ApiError> {
    let progress = chat.progress(owner, id, sent).await?;
    if media_type == EVENT_STREAM && !progress.is_over() {
        return Ok(sse::turn(connections, id, progress));
    }
    let accepted = progress.accepted().clone();
    let result = result(connections, progress).await?;
    if media_type == EVENT_STREAM {
        return Ok(sse::ended_turn(id, accepted, result));
    }
    Ok(HttpResponse::Ok().json(Answered::from(result)))
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

fn idempotency_key(request: &HttpRequest) -> Result<Option<ClientMessageId>, ApiError> {
    let Some(key) = request.headers().get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = key.to_str().ok().map(ToOwned::to_owned).ok_or(InvalidClientMessageId);
    let key = key.and_then(ClientMessageId::try_from).map_err(|_| {
        ApiError::InvalidRequest("`Idempotency-Key` must have 1 to 128 characters.".to_owned())
    })?;
    Ok(Some(key))
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
