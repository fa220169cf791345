//! Stops a running turn.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Path, ServiceConfig};
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi};
use webchat_chat::Chat;
use webchat_domain::{ConversationId, TurnId};

use crate::error::api_error::ApiError;
use crate::extract::session::RequiredSession;
use crate::openapi::responses::NotFoundResponse;

const TURN: &str = "/conversations/{id}/turns/{turn_id}";

#[derive(OpenApi)]
#[openapi(paths(stop))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource(TURN).route(web::delete().to(stop)));
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct TurnPath {
    /// The conversation.
    id: ConversationId,
    /// The turn.
    turn_id: TurnId,
}

/// Stops a running turn. The answer so far is kept.
#[utoipa::path(
    delete,
    path = TURN,
    tag = "turns",
    operation_id = "stop_turn",
    params(TurnPath),
    responses((status = 204, description = "The turn is being stopped."), NotFoundResponse),
)]
async fn stop(
    browser: RequiredSession,
    path: Path<TurnPath>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let TurnPath { id, turn_id } = path.into_inner();
    chat.turns.stop_turn(browser.session.user_id, id, turn_id).await?;
    Ok(HttpResponse::NoContent().finish())
}
