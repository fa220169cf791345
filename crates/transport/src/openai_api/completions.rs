//! Chat completions.

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout};
use tracing_actix_web::RequestId;
use utoipa::OpenApi;
use webchat_chat::{Chat, ChatError, ChatRole, CompletionRequest, Model, SendMessage};
use webchat_domain::{Caller, ClientMessageId, ConversationId, MessageId};

use super::answer::{Answer, TurnAnswer};
use super::error::OpenAiError;
use super::error_body::{OpenAiErrorBody, as_in_openai_api};
use super::key_user::KeyUser;
use super::models::{find_model, id_of};
use super::objects::{ChatCompletion, CompletionHead};
use super::request::CompletionBody;
use super::schema::ChatCompletionRequest;
use super::stream::ChunkStream;
use crate::error::api_error::ApiError;
use crate::error::log::ErrorLog;
use crate::extract::body::{Body, BodyLimit};
use crate::extract::idempotency_key::IdempotencyKeyHeader;
use crate::extract::query::is_absent;
use crate::headers::single_value;
use crate::metrics::ConnectionKind;
use crate::middleware::body_limits::MAX_MESSAGE_BODY_BYTES;
use crate::middleware::timing::TurnWait;
use crate::realtime::connections::Connections;
use crate::realtime::session_end::{SessionEnd, session_of_request_ended};
use crate::realtime::sse::KEEP_ALIVE_INTERVAL;

const COMPLETIONS: &str = "/chat/completions";

/// The header with the conversation in which the question and the answer are stored.
const CONVERSATION_ID: &str = "x-conversation-id";

/// The value of the header that stands for a new conversation.
const NEW_CONVERSATION: &str = "new";

#[derive(OpenApi)]
#[openapi(paths(create))]
pub(super) struct ApiDoc;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::resource(COMPLETIONS)
            .app_data(BodyLimit(MAX_MESSAGE_BODY_BYTES))
            .route(web::post().to(create)),
    );
}

/// Answers messages. Nothing is stored, and a client that disconnects stops the answer.
///
/// With the header `X-Conversation-Id`, the last message is sent in this conversation, as another question. Question and
/// answer are stored, the other messages and the parameters are ignored, and the answer goes on without the client.
#[utoipa::path(
    post,
    path = COMPLETIONS,
    tag = "openai",
    operation_id = "openai_create_completion",
    security(("api_key" = [])),
    params(
        (
            "X-Conversation-Id" = Option<String>,
            Header,
            description = "The conversation in which the question and the answer are stored, or `new`.",
        ),
        IdempotencyKeyHeader,
    ),
    request_body(
        content = ChatCompletionRequest,
        example = json!({
            "model": "default", "messages": [{"role": "user", "content": "Why two tides a day?"}]
        })
    ),
    responses(
        (
            status = 200,
            description = "The answer, or with `stream` its chunks as they are generated.",
            content((ChatCompletion = "application/json"), (String = "text/event-stream")),
            headers(("X-Conversation-Id" = String, description = "The conversation, if there is one.")),
        ),
        (status = 400, body = OpenAiErrorBody, description = "A field is invalid or not supported."),
        (status = 404, body = OpenAiErrorBody, description = "No such model or conversation."),
        (
            status = 429,
            body = OpenAiErrorBody,
            description = "A limit of concurrent answers, of tokens per day, or of the model is reached.",
            headers(("Retry-After" = u32, description = "Seconds.")),
        ),
        (status = "default", body = OpenAiErrorBody, description = "Any other error."),
    ),
)]
async fn create(
    request: HttpRequest,
    user: KeyUser,
    body: Result<Body<Map<String, Value>>, ApiError>,
    chat: Data<Chat>,
    connections: Data<Connections>,
    error_log: Data<ErrorLog>,
) -> Result<HttpResponse, ApiError> {
    let responding =
        async { respond(&request, user, body?.0, &chat, &connections, &error_log).await };
    responding.await.map_err(as_in_openai_api)
}

async fn respond(
    request: &HttpRequest,
    user: KeyUser,
    body: Map<String, Value>,
    chat: &Chat,
    connections: &Connections,
    error_log: &ErrorLog,
) -> Result<HttpResponse, ApiError> {
    let CompletionBody { model, completion, stream, include_usage } = CompletionBody::parse(body)?;
    let KeyUser { session, caller } = user;
    let model = find_model(chat, caller.user_id, &model).await?;
    let model_id = id_of(&model);
    let permit = stream.then(|| connections.acquire(caller, ConnectionKind::EventStream));
    let permit = permit.transpose()?;
    let mut session_end = session_of_request_ended(request, chat, connections, Some(session));
    let (mut answer, conversation_id) = match conversation(request)? {
        None => (Answer::Completion(chat.completions.start(caller, model, completion)?), None),
        Some(target) => {
            let (turn, id) = start_turn(request, chat, caller, target, &model, completion).await?;
            (Answer::Turn(Box::new(turn)), Some(id))
        }
    };
    let id = MessageId::generate().to_string().replace('-', "");
    let head = CompletionHead::new(&id, chat.sessions.now(), model_id);
    let started_at = Instant::now();
    let mut response = if let Some(permit) = permit {
        // An error before the first text or reasoning has a status of its own. A proxy may not wait for the first byte
        // for long.
        let first = timeout(KEEP_ALIVE_INTERVAL, answer.next());
        let first = unless_ended(&mut session_end, first).await?.ok().transpose()?;
        let request_id = request.extensions().get::<RequestId>().map(ToString::to_string);
        let chunks = ChunkStream {
            _permit: permit,
            head,
            include_usage,
            error_log: error_log.clone(),
            request_id: request_id.unwrap_or_default(),
            answer: Some(answer),
            first,
        };
        chunks.respond(session_end)
    } else {
        let answer = unless_ended(&mut session_end, answer.complete()).await??;
        HttpResponse::Ok().json(ChatCompletion::new(head, answer))
    };
    response.extensions_mut().insert(TurnWait(started_at.elapsed()));
    if let Some(id) = conversation_id {
        let id = HeaderValue::from_str(&id.to_string()).map_err(ApiError::internal)?;
        response.headers_mut().insert(HeaderName::from_static(CONVERSATION_ID), id);
    }
    Ok(response)
}

/// Waits for `result`.
///
/// # Errors
/// [`ChatError::InvalidApiKey`] if the key is revoked first.
async fn unless_ended<T>(
    session_end: &mut SessionEnd,
    result: impl Future<Output = T>,
) -> Result<T, ChatError> {
    tokio::select! {
        result = result => Ok(result),
        () = session_end => Err(ChatError::InvalidApiKey),
    }
}

/// The conversation in which the question and the answer are stored.
enum Target {
    New,
    Existing(ConversationId),
}

fn conversation(request: &HttpRequest) -> Result<Option<Target>, ApiError> {
    let Some(value) = single_value(request.headers(), CONVERSATION_ID)? else { return Ok(None) };
    let value = value.to_str().map(str::trim).map_err(|_| ChatError::ConversationNotFound)?;
    if is_absent(value) {
        return Ok(None);
    }
    if value.eq_ignore_ascii_case(NEW_CONVERSATION) {
        return Ok(Some(Target::New));
    }
    let id = value.parse().map_err(|_| ChatError::ConversationNotFound)?;
    Ok(Some(Target::Existing(id)))
}

/// Sends the last message in a conversation.
async fn start_turn(
    request: &HttpRequest,
    chat: &Chat,
    caller: Caller,
    target: Target,
    model: &Model,
    completion: CompletionRequest,
) -> Result<(TurnAnswer, ConversationId), ApiError> {
    let question = completion.messages.into_iter().next_back();
    let question = question.filter(|message| message.role == ChatRole::User).ok_or_else(|| {
        OpenAiError::invalid("messages", "in a conversation, the last message must be the user's")
    })?;
    let key = IdempotencyKeyHeader::read(request)?.key;
    let id = match target {
        Target::New => {
            chat.conversations.start(caller.user_id, key.as_ref()).await?.conversation_id
        }
        Target::Existing(id) => id,
    };
    let message = SendMessage {
        content: question.content,
        client_message_id: key.map(ClientMessageId::from),
        expected_position: None,
        model: Some(model.id.clone()),
    };
    let sent = chat.turns.send(caller, id, message).await?;
    let progress = chat.turns.progress(caller.user_id, id, sent).await?;
    Ok((TurnAnswer::new(progress), id))
}
