//! Detects the end of a browser's session while it has live connections.

use std::future::pending;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_ws::CloseCode;
use futures_util::future::{FutureExt, LocalBoxFuture};
use tokio::time::timeout;
use webchat_chat::Chat;
use webchat_domain::Session;

use super::connections::Connections;
use crate::extract::access::Access;
use crate::extract::credential::Credential;

/// The close code for a client whose session or API key gives no access any more: like the HTTP status 401, among the codes
/// for private use (RFC 6455, section 7.4.2).
pub(crate) const SESSION_ENDED_CODE: CloseCode = CloseCode::Other(4401);

/// The close reason for a client whose session has ended.
pub(crate) const SESSION_ENDED: &str = "the session has ended: load the page again";

/// The time after which a session that can't be read is read again.
const READ_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Completes when a session has ended.
pub(crate) type SessionEnd = LocalBoxFuture<'static, ()>;

/// Completes when the session of a request has ended; never, if the request has none.
pub(crate) fn session_of_request_ended(
    request: &HttpRequest,
    chat: &Chat,
    connections: &Connections,
    session: Option<Session>,
) -> SessionEnd {
    let Some(session) = session else { return pending().boxed_local() };
    let access = Access::of(request, session);
    session_ended(chat.clone(), access, connections.limits.idle_timeout).boxed_local()
}

/// Waits until the session has ended. Checks it when sessions of the user end, and at each `interval`.
pub(crate) async fn session_ended(chat: Chat, mut access: Access, interval: Duration) {
    let mut ends = chat.sessions.session_ends(access.session.user_id);
    loop {
        // Boxed, so that idle connections take little memory.
        let next_check = match Box::pin(access.has_ended(&chat)).await {
            Ok(true) => return,
            Ok(false) => interval.min(time_until_expiry(&access, &chat)),
            Err(_) => interval.min(READ_RETRY_INTERVAL),
        };
        // At the timeout, the session may have expired.
        let _ = timeout(next_check, ends.next()).await;
    }
}

/// Returns the time until an API key expires.
fn time_until_expiry(access: &Access, chat: &Chat) -> Duration {
    let key = access.credential.as_ref().and_then(Credential::key);
    let expiry = key.and_then(|key| key.expires_at);
    expiry.map_or(Duration::MAX, |expiry| chat.sessions.now().until(expiry))
}
