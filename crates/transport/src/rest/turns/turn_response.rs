//! The request headers and the response of every route that starts a turn.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use tokio::time::{Instant, sleep};
use utoipa::openapi::{RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};
use webchat_chat::{Chat, ChatError, StartTurnOutcome, TurnProgress, TurnResult};
use webchat_domain::{
    ClientMessageId, ConversationId, FinishReason, Ledger, Message, Problem, UserId,
};

use crate::error::api_error::ApiError;
use crate::extract::accept::negotiate;
use crate::extract::idempotency_key::IdempotencyKeyHeader;
use crate::extract::session::RequiredSession;
use crate::metrics::{ConnectionKind, ConnectionPermit};
use crate::middleware::timing::TurnWait;
use crate::openapi::responses::{
    NotAcceptableResponse, NotFoundResponse, TurnRejectedResponse, content_of,
};
use crate::realtime::connections::Connections;
use crate::realtime::session_end::{SessionEnd, session_of_request_ended};
use crate::realtime::sse::{self, EVENT_STREAM};

const JSON: &str = "application/json";

/// The maximum time that a request still waits for the end of its turn after shutdown has begun. The turns of this
/// instance have ended by then; a turn of another instance may still be running.
const TURN_END_GRACE: Duration = Duration::from_secs(3);

/// A turn that has ended.
#[derive(Serialize, ToSchema)]
pub(super) struct TurnResponse {
    question: Message,
    answer: Message,
    /// The reason why the answer ended, which shows whether it is complete.
    finish_reason: FinishReason,
    /// The reason why the turn failed or the answer was filtered.
    error: Option<Problem>,
    /// `null` if the turn ended too long ago.
    total_tokens_used: Option<u32>,
    /// The tokens sent to the model; `null` if the turn ended too long ago.
    ledger: Option<Ledger>,
}

/// One event of a stream.
#[derive(ToSchema)]
#[expect(dead_code, reason = "used for the OpenAPI document only: events are written as text")]
pub(super) struct StreamedEvent {
    /// The event's name, as on the WebSocket.
    event: String,
    /// The event's `seq`, if it has one.
    #[schema(nullable = false)]
    id: Option<String>,
    /// The event's data as JSON.
    data: String,
}

/// The responses of the routes that start a turn.
pub(crate) struct TurnResponses;

impl IntoResponses for TurnResponses {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let turn = ResponseBuilder::new()
            .description("The turn once it has ended, or its events as they happen.")
            .content(JSON, content_of::<TurnResponse>())
            .content(EVENT_STREAM, content_of::<StreamedEvent>());
        let errors = [
            NotFoundResponse::responses(),
            NotAcceptableResponse::responses(),
            TurnRejectedResponse::responses(),
        ];
        let ok = ("200".to_owned(), turn.build().into());
        errors.into_iter().flatten().chain([ok]).collect()
    }
}

/// The headers of a request that starts a turn. Read them before anything is stored, because they may be invalid.
pub(crate) struct TurnRequest {
    media_type: &'static str,
    /// The connection permit of the event stream, if the client requests one.
    permit: Option<ConnectionPermit>,
    user_id: UserId,
    session_end: SessionEnd,
    pub(crate) client_message_id: Option<ClientMessageId>,
}

impl TurnRequest {
    pub(crate) fn read(
        request: &HttpRequest,
        browser: &RequiredSession,
        chat: &Chat,
        connections: &Connections,
    ) -> Result<Self, ApiError> {
        let media_type = negotiate(request, &[JSON, EVENT_STREAM])?;
        let key = IdempotencyKeyHeader::read(request)?.key;
        let permit = (media_type == EVENT_STREAM)
            .then(|| connections.acquire(browser.caller(), ConnectionKind::EventStream))
            .transpose()?;
        let session = browser.session.clone();
        Ok(Self {
            media_type,
            permit,
            user_id: session.user_id,
            session_end: session_of_request_ended(request, chat, connections, Some(session)),
            client_message_id: key.map(ClientMessageId::from),
        })
    }

    /// Responds with the turn as JSON once it has ended, or with its events as they happen.
    ///
    /// # Errors
    /// [`ChatError::AuthenticationRequired`] if the session ends before the turn.
    pub(crate) async fn respond(
        self,
        chat: &Chat,
        connections: &Connections,
        id: ConversationId,
        sent: StartTurnOutcome,
    ) -> Result<HttpResponse, ApiError> {
        let progress = chat.turns.progress(self.user_id, id, sent).await?;
        let wants_events = self.media_type == EVENT_STREAM;
        if let Some(permit) = self.permit.filter(|_| !progress.is_over()) {
            return Ok(sse::stream_turn(connections, permit, self.session_end, id, progress));
        }
        let accepted = progress.accepted().clone();
        let waiting_since = Instant::now();
        let result = tokio::select! {
            result = wait_for_result(connections, progress) => result?,
            () = self.session_end => return Err(ChatError::AuthenticationRequired.into()),
        };
        if wants_events {
            return Ok(sse::replay_turn(id, accepted, result));
        }
        let mut response = HttpResponse::Ok().json(TurnResponse::from(result));
        response.extensions_mut().insert(TurnWait(waiting_since.elapsed()));
        Ok(response)
    }
}

async fn wait_for_result(
    connections: &Connections,
    progress: TurnProgress,
) -> Result<TurnResult, ApiError> {
    let timeout = async {
        connections.shutdown_begun().await;
        sleep(TURN_END_GRACE).await;
    };
    tokio::select! {
        result = progress.result() => Ok(result?),
        () = timeout => Err(ChatError::ShuttingDown.into()),
    }
}

impl From<TurnResult> for TurnResponse {
    fn from(result: TurnResult) -> Self {
        let TurnResult { question, answer, finish_reason, error, usage } = result;
        Self {
            question,
            answer,
            finish_reason,
            error: error.map(|error| Problem { message: error.message, code: error.code }),
            total_tokens_used: usage.as_ref().map(|usage| usage.total_tokens_used),
            ledger: usage.map(|usage| usage.ledger),
        }
    }
}
