//! Measures the duration of requests, and reports it to clients.

use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;

use crate::metrics::record_request;

/// See <https://www.w3.org/TR/server-timing/>.
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// The time that a handler has waited for the end of a turn, as an extension of its response.
pub(crate) struct TurnWait(pub(crate) Duration);

/// Records the duration of a request up to its response headers, and adds it to the response as `Server-Timing`, in
/// milliseconds: `app` is the server's own time, and `turn` is the wait for the end of a turn.
pub(crate) async fn measure_request<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let started_at = Instant::now();
    let mut response = next.call(request).await?;
    let duration = started_at.elapsed();
    let (route, method) = (response.request().match_pattern(), response.request().method());
    record_request(method, route, response.status().as_u16(), duration);
    let turn = response.response().extensions().get::<TurnWait>().map(|wait| wait.0);
    if let Ok(timing) = HeaderValue::from_str(&server_timing(duration, turn)) {
        response.headers_mut().insert(SERVER_TIMING, timing);
    }
    Ok(response)
}

fn server_timing(duration: Duration, turn: Option<Duration>) -> String {
    let ms = |duration: Duration| duration.as_secs_f64() * 1_000.0;
    let app = duration.saturating_sub(turn.unwrap_or_default());
    match turn {
        Some(turn) => format!("app;dur={:.1}, turn;dur={:.1}", ms(app), ms(turn)),
        None => format!("app;dur={:.1}", ms(app)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_for_a_turn_is_excluded_from_the_servers_own_time() {
        let ms = Duration::from_millis;

        assert_eq!(server_timing(ms(1_250), Some(ms(1_200))), "app;dur=50.0, turn;dur=1200.0");
        assert_eq!(server_timing(Duration::from_micros(1_260), None), "app;dur=1.3");
    }
}
