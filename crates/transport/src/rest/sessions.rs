//! The sessions in which the user is signed in.

use actix_web::web::{self, Data, Json, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::{Chat, ChatError, StoredSession};
use webchat_domain::{PublicSessionId, SessionId, Timestamp};

use crate::error::api_error::ApiError;
use crate::error::body::ErrorBody;
use crate::extract::session::SignedIn;
use crate::get_or_head::get_or_head;
use crate::openapi::responses::NotFoundResponse;

const SESSIONS: &str = "/me/sessions";
const SESSION: &str = "/me/sessions/{session_id}";

#[derive(OpenApi)]
#[openapi(paths(sessions, end_session, end_other_sessions))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource(SESSIONS)
                .route(get_or_head().to(sessions))
                .route(web::delete().to(end_other_sessions)),
        )
        .service(web::resource(SESSION).route(web::delete().to(end_session)));
}

/// The sessions in which the user is signed in.
#[derive(Serialize, ToSchema)]
struct SignedInSessions {
    /// The session that was signed in last comes first.
    sessions: Vec<SignedInSession>,
}

/// A session in which the user is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignedInSession {
    /// Identifies the session for the user, and gives no access to it.
    session_id: PublicSessionId,
    /// The `User-Agent` of the browser; empty if unknown.
    device: String,
    signed_in_at: Timestamp,
    /// When the session ends unless it is used.
    expires_at: Timestamp,
    /// Whether this is the session of the request.
    is_current: bool,
}

/// Returns the sessions in which the user is signed in.
#[utoipa::path(
    get,
    path = SESSIONS,
    tag = "accounts",
    operation_id = "list_sessions",
    responses(
        (status = 200, body = SignedInSessions),
        (status = 401, description = "Nobody is signed in.", body = ErrorBody),
    ),
)]
async fn sessions(user: SignedIn, chat: Data<Chat>) -> Result<Json<SignedInSessions>, ApiError> {
    let current = user.session;
    let sessions = chat.accounts.sessions(current.user_id).await?;
    Ok(Json(SignedInSessions { sessions: signed_in_sessions(sessions, current.session_id) }))
}

/// Returns what clients see of sessions.
pub(crate) fn signed_in_sessions(
    sessions: Vec<StoredSession>,
    current: SessionId,
) -> Vec<SignedInSession> {
    let sessions = sessions.into_iter().filter_map(|stored| {
        let sign_in = stored.session.sign_in?;
        Some(SignedInSession {
            session_id: stored.session.session_id.public(),
            device: sign_in.device,
            signed_in_at: sign_in.at,
            expires_at: stored.expires_at,
            is_current: stored.session.session_id == current,
        })
    });
    sessions.collect()
}

/// Ends a session of the user, and closes its live connections.
#[utoipa::path(
    delete,
    path = SESSION,
    tag = "accounts",
    operation_id = "end_session",
    params(("session_id" = PublicSessionId, Path, description = "The session, from the list.")),
    responses(
        (status = 204, description = "Ended."),
        (status = 401, description = "Nobody is signed in.", body = ErrorBody),
        NotFoundResponse,
    ),
)]
async fn end_session(
    request: HttpRequest,
    user: SignedIn,
    id: Path<String>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let SignedIn { session: current, browser } = user;
    let id: PublicSessionId = id.parse().map_err(|_| ChatError::SessionNotFound)?;
    chat.accounts.end_session(current.user_id, id, &browser.actor(&request)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ends the other sessions of the user, and closes their live connections.
#[utoipa::path(
    delete,
    path = SESSIONS,
    tag = "accounts",
    operation_id = "end_other_sessions",
    responses(
        (status = 204, description = "Ended."),
        (status = 401, description = "Nobody is signed in.", body = ErrorBody),
    ),
)]
async fn end_other_sessions(
    request: HttpRequest,
    user: SignedIn,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let SignedIn { session: current, browser } = user;
    let (user_id, kept) = (current.user_id, Some(current.session_id));
    chat.accounts.end_sessions(user_id, kept, &browser.actor(&request)).await?;
    Ok(HttpResponse::NoContent().finish())
}
