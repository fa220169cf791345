//! Other versions of messages.

use std::collections::BTreeMap;

use actix_web::web::{self, Data, Json, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses, OpenApi, ToSchema};
use webchat_chat::{Chat, SendMessage};
use webchat_domain::{ConversationId, Message, MessageId};

use super::turns::send::{Answered, Asked, StreamedEvent};
use crate::error::api_error::ApiError;
use crate::extract::body::{Body, json};
use crate::extract::idempotency_key::Keyed;
use crate::extract::session::Caller;
use crate::openapi::responses::{BadBody, NotAcceptable, NotFound, TurnRefused};
use crate::realtime::connections::Connections;

#[derive(OpenApi)]
#[openapi(paths(edit, regenerate, go_on, select))]
pub(crate) struct Described;

pub(crate) fn routes(config: &mut ServiceConfig) {
    let of_message =
        |verb| web::resource(format!("/conversations/{{id}}/messages/{{message_id}}/{verb}"));
    config
        .service(
            of_message("edit")
                .app_data(json(super::messages::MAX_MESSAGE))
                .route(web::post().to(edit)),
        )
        .service(of_message("regenerate").route(web::post().to(regenerate)))
        .service(of_message("continue").route(web::post().to(go_on)))
        .service(of_message("select").route(web::post().to(select)));
}

/// What a question is to be instead.
#[derive(Deserialize, ToSchema)]
struct EditedMessage {
    /// What is said.
    #[schema(pattern = r"\S")]
    message: String,
}

/// Which message it is about.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct OfMessage {
    /// The conversation.
    id: ConversationId,
    /// The message.
    message_id: MessageId,
}

/// What all that begins a turn is answered with.
struct Turned;

impl IntoResponses for Turned {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let content = |schema| Content::new(Some(Ref::from_schema_name(schema)));
        let turn = ResponseBuilder::new()
            .description("The turn, as of a message that is sent.")
            .content("application/json", content(Answered::name()))
            .content("text/event-stream", content(StreamedEvent::name()));
        let refused = [NotFound::responses(), NotAcceptable::responses(), TurnRefused::responses()];
        let answered = ("200".to_owned(), turn.build().into());
        refused.into_iter().flatten().chain([answered]).collect()
    }
}

/// Stores another version of a question, and answers it. The old version stays, and can be selected.
#[utoipa::path(
    post,
    path = "/conversations/{id}/messages/{message_id}/edit",
    tag = "turns",
    operation_id = "edit_message",
    params(OfMessage, Keyed),
    request_body(content = EditedMessage),
    responses(Turned, BadBody),
)]
async fn edit(
    request: HttpRequest,
    caller: Caller,
    of: Path<OfMessage>,
    edited: Body<EditedMessage>,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::read(&request)?;
    let OfMessage { id, message_id } = of.into_inner();
    let user_id = caller.0.user_id;
    let message = SendMessage {
        content: edited.into_inner().0.message,
        client_message_id: asked.client_message_id.clone(),
        expected_position: None,
    };
    let sent = chat.edit_message(user_id, id, message_id, message).await?;
    asked.answer(&chat, &connections, user_id, id, sent).await
}

/// Answers the same question once more. The old version stays, and can be selected.
#[utoipa::path(
    post,
    path = "/conversations/{id}/messages/{message_id}/regenerate",
    tag = "turns",
    operation_id = "regenerate",
    params(OfMessage, Keyed),
    responses(Turned)
)]
async fn regenerate(
    request: HttpRequest,
    caller: Caller,
    of: Path<OfMessage>,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::read(&request)?;
    let OfMessage { id, message_id } = of.into_inner();
    let user_id = caller.0.user_id;
    let name = asked.client_message_id.clone();
    let sent = chat.regenerate(user_id, id, Some(message_id), name).await?;
    asked.answer(&chat, &connections, user_id, id, sent).await
}

/// Goes on with the last answer, which broke off. What comes is appended to it.
#[utoipa::path(
    post,
    path = "/conversations/{id}/messages/{message_id}/continue",
    tag = "turns",
    operation_id = "continue_answer",
    params(OfMessage, Keyed),
    responses(Turned)
)]
async fn go_on(
    request: HttpRequest,
    caller: Caller,
    of: Path<OfMessage>,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::read(&request)?;
    let OfMessage { id, message_id } = of.into_inner();
    let user_id = caller.0.user_id;
    let name = asked.client_message_id.clone();
    let sent = chat.continue_answer(user_id, id, Some(message_id), name).await?;
    asked.answer(&chat, &connections, user_id, id, sent).await
}

/// Makes a version of a message visible, with the newest messages that followed it.
#[utoipa::path(
    post,
    path = "/conversations/{id}/messages/{message_id}/select",
    tag = "turns",
    operation_id = "select_version",
    params(OfMessage),
    responses((status = 200, body = Message), NotFound, TurnRefused),
)]
async fn select(
    caller: Caller,
    of: Path<OfMessage>,
    chat: Data<Chat>,
) -> Result<Json<Message>, ApiError> {
    let OfMessage { id, message_id } = of.into_inner();
    Ok(Json(chat.select_version(caller.0.user_id, id, message_id).await?))
}
