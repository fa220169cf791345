//! The events of a conversation as server-sent events.

use actix_web::web::{self, Data, Path, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi};
use webchat_chat::{Chat, ChatError};
use webchat_domain::{Caller, ConversationId, Integer};

use super::turn_response::StreamedEvent;
use crate::error::api_error::ApiError;
use crate::extract::accept::negotiate;
use crate::extract::client_address::ClientAddress;
use crate::extract::query;
use crate::extract::session::OptionalSession;
use crate::headers::single_value;
use crate::metrics::ConnectionKind;
use crate::openapi::responses::{
    ConversationPath, InvalidParameterResponse, NotAcceptableResponse, NotFoundResponse,
};
use crate::realtime::connections::Connections;
use crate::realtime::session_end::session_of_request_ended;
use crate::realtime::sse::{self, EVENT_STREAM};

const LAST_EVENT_ID: &str = "Last-Event-ID";

const EVENTS: &str = "/conversations/{id}/events";

#[derive(OpenApi)]
#[openapi(paths(stream))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource(EVENTS).route(web::get().to(stream)));
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// The sequence number of the last event that the client knows.
    #[param(format = "uint64", maximum = 18_446_744_073_709_551_615_usize)]
    #[serde(default, deserialize_with = "query::integer")]
    after: Option<u64>,
}

/// Streams the events of a conversation as server-sent events.
#[utoipa::path(
    get,
    path = EVENTS,
    tag = "turns",
    operation_id = "follow_conversation",
    params(
        ConversationPath,
        EventsQuery,
        (
            "Last-Event-ID" = Option<u64>,
            Header,
            format = "uint64",
            maximum = 18_446_744_073_709_551_615_usize,
            description = "Overrides `after`. Browsers send it when they reconnect.",
        ),
    ),
    responses(
        (
            status = 200,
            description = "An endless stream of events.",
            content((StreamedEvent = "text/event-stream")),
        ),
        InvalidParameterResponse,
        NotFoundResponse,
        NotAcceptableResponse,
    ),
)]
async fn stream(
    request: HttpRequest,
    caller: OptionalSession,
    id: Path<ConversationId>,
    query: Query<EventsQuery>,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, ApiError> {
    negotiate(&request, &[EVENT_STREAM])?;
    let after = last_event_id(&request)?.or(query.after).unwrap_or(0);
    let session = caller.session.ok_or(ChatError::ConversationNotFound)?;
    let subscription = chat.events.subscribe(session.user_id, *id, Some(after)).await?;
    let address = Some(ClientAddress::of(&request).0);
    let permit = connections
        .acquire(Caller { user_id: session.user_id, address }, ConnectionKind::EventStream)?;
    let session_end = session_of_request_ended(&request, &chat, &connections, Some(session));
    Ok(sse::stream_conversation(&connections, permit, session_end, *id, subscription))
}

/// Returns the sequence number of the last event that a reconnecting client has received.
fn last_event_id(request: &HttpRequest) -> Result<Option<u64>, ApiError> {
    let Some(id) = single_value(request.headers(), LAST_EVENT_ID)? else { return Ok(None) };
    let id = id.to_str().ok().map(str::trim);
    // An event source without an event has an empty id.
    if id.is_some_and(query::is_absent) {
        return Ok(None);
    }
    let number = id.and_then(|id| id.parse().ok());
    number.map(|Integer(number)| Some(number)).ok_or_else(|| {
        ApiError::InvalidRequest(
            "`Last-Event-ID` must be the sequence number of an event.".to_owned(),
        )
    })
}
