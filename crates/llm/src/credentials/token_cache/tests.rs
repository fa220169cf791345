//! Tests of the cache, with a paused clock and a scripted service.

use std::collections::VecDeque;

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::time::{advance, timeout};

use super::*;

const LIFETIME: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);

/// How long a request takes.
const LATENCY: Duration = Duration::from_millis(200);

/// A service that counts the requests, and fails as scripted. The tokens have their number as their name.
#[derive(Default)]
struct Service {
    requests: Mutex<u32>,
    errors: Mutex<VecDeque<TokenError>>,
    /// The error of all requests after the scripted ones.
    outage: Mutex<Option<TokenError>>,
    has_one_token: bool,
}

impl Service {
    fn requests(&self) -> u32 {
        *self.requests.lock().unwrap()
    }

    fn set_outage(&self, error: Option<TokenError>) {
        *self.outage.lock().unwrap() = error;
    }
}

#[async_trait]
impl TokenSource for Service {
    fn description(&self) -> &'static str {
        "test"
    }

    async fn request_token(&self) -> Result<AccessToken, TokenError> {
        sleep(LATENCY).await;
        let number = {
            let mut requests = self.requests.lock().unwrap();
            *requests += 1;
            if self.has_one_token { 1 } else { *requests }
        };
        let scripted = self.errors.lock().unwrap().pop_front();
        match scripted.or_else(|| self.outage.lock().unwrap().clone()) {
            Some(error) => Err(error),
            None => Ok(token(number)),
        }
    }
}

fn token(number: u32) -> AccessToken {
    AccessToken::new(&number.to_string(), LIFETIME).unwrap()
}

fn unavailable() -> TokenError {
    TokenError::unavailable("down")
}

fn start(service: Service) -> (Arc<Service>, TokenCache) {
    let service = Arc::new(service);
    (service.clone(), TokenCache::new(service))
}

#[tokio::test(start_paused = true)]
async fn fifty_callers_share_one_request() {
    let (service, cache) = start(Service::default());

    let tokens = join_all((0..50).map(|_| cache.token())).await;

    assert_eq!(tokens, vec![Ok(token(1)); 50]);
    assert_eq!(service.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_ahead_while_the_old_one_is_used() {
    let (service, cache) = start(Service::default());
    cache.token().await.unwrap();

    advance(41 * MINUTE).await;
    assert_eq!(cache.token().now_or_never(), Some(Ok(token(1))));
    sleep(LATENCY).await;
    assert_eq!(service.requests(), 1, "renewed before 70 % of the lifetime");
    advance(8 * MINUTE).await;
    for _ in 0..50 {
        assert_eq!(cache.token().now_or_never(), Some(Ok(token(1))), "a caller has waited");
    }
    sleep(2 * LATENCY).await;

    assert_eq!(cache.token().now_or_never(), Some(Ok(token(2))));
    assert_eq!(service.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn instances_renew_at_different_times() {
    let now = Instant::now();

    let times: Vec<_> = (0..100).map(|_| CachedToken::new(token(1), now).renew_at - now).collect();

    assert!(times.iter().all(|time| (42 * MINUTE..=48 * MINUTE).contains(time)), "{times:?}");
    assert!(times.iter().max().unwrap().saturating_sub(*times.iter().min().unwrap()) > MINUTE);
}

#[tokio::test(start_paused = true)]
async fn an_outage_uses_the_old_token_until_it_ends_and_backs_off() {
    let (service, cache) = start(Service::default());
    cache.token().await.unwrap();
    service.set_outage(Some(unavailable()));
    advance(49 * MINUTE).await;

    for _ in 0..10 * 60 {
        assert_eq!(cache.token().now_or_never(), Some(Ok(token(1))));
        sleep(Duration::from_secs(1)).await;
    }
    let requests = service.requests();
    // Each of about ten renewals, with up to a minute in between, has four requests.
    assert!((20..=90).contains(&requests), "{requests}");
    advance(MINUTE).await;

    let error = cache.token().await.unwrap_err();
    assert!(matches!(error, TokenError::Unavailable { .. }), "{error:?}");
    service.set_outage(None);
    sleep(MINUTE).await;
    assert!(cache.token().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_callers_do_not_wait_until_the_next_renewal() {
    let (service, cache) = start(Service::default());
    service.set_outage(Some(unavailable()));
    cache.token().await.unwrap_err();
    assert_eq!(service.requests(), MAX_ATTEMPTS);

    let error = cache.token().now_or_never().unwrap().unwrap_err();

    let TokenError::Unavailable { retry_after: Some(wait), .. } = error else {
        panic!("{error:?}")
    };
    assert!((BASE_BACKOFF / 2..=BASE_BACKOFF).contains(&wait), "{wait:?}");
    service.set_outage(None);
    sleep(wait).await;
    assert!(cache.token().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_short_failure_is_repeated_but_a_refusal_is_not() {
    let updating =
        TokenError::Unavailable { reason: "410".into(), retry_after: Some(MAX_RETRY_AFTER) };
    let errors = Mutex::new(VecDeque::from([unavailable(), updating]));
    let (service, cache) = start(Service { errors, ..Service::default() });
    let started_at = Instant::now();

    assert_eq!(cache.token().await, Ok(token(3)));
    assert!(started_at.elapsed() >= MAX_RETRY_AFTER, "{:?}", started_at.elapsed());
    assert_eq!(service.requests(), 3);

    let (service, cache) = start(Service::default());
    service.set_outage(Some(TokenError::Refused("no".into())));
    assert_eq!(cache.token().await, Err(TokenError::Refused("no".into())));
    assert_eq!(service.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_asks_for_a_long_delay_gets_no_request_before() {
    let throttled =
        |wait| TokenError::Unavailable { reason: "429".into(), retry_after: Some(wait) };
    let second = Duration::from_secs(1);
    let errors = Mutex::new(VecDeque::from([throttled(40 * second)]));
    let (service, cache) = start(Service { errors, ..Service::default() });

    cache.token().await.unwrap_err();
    sleep(39 * second).await;
    assert!(cache.token().await.is_err());
    assert_eq!(service.requests(), 1);
    sleep(second).await;
    assert_eq!(cache.token().await, Ok(token(2)));
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_gives_up_does_not_cancel_the_renewal() {
    let (service, cache) = start(Service::default());
    let patient = cache.token();
    let impatient = timeout(LATENCY / 2, cache.token());

    let (patient, impatient) = tokio::join!(patient, impatient);

    assert!(impatient.is_err());
    assert_eq!(patient, Ok(token(1)));
    assert_eq!(service.requests(), 1);

    // Even if it was the only one.
    let (service, cache) = start(Service::default());
    timeout(LATENCY / 2, cache.token()).await.unwrap_err();
    sleep(LATENCY).await;
    assert_eq!(service.requests(), 1, "the renewal has ended without the caller");
    assert_eq!(cache.token().now_or_never(), Some(Ok(token(1))));
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_once_for_all() {
    let (service, cache) = start(Service::default());
    let refused = cache.token().await.unwrap();

    let replaced = join_all((0..50).map(|_| cache.replace(&refused))).await;

    assert_eq!(replaced, vec![Some(token(2)); 50]);
    assert_eq!(cache.replace(&refused).await, Some(token(2)), "one who comes late");
    assert_eq!(cache.replace(&token(2)).await, None, "the other one is refused as well");
    assert_eq!(service.requests(), 2);
    advance(MIN_REPLACEMENT_INTERVAL).await;
    assert_eq!(cache.replace(&token(2)).await, Some(token(3)));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_issues_the_refused_token_again_has_no_other_one() {
    let (service, cache) = start(Service { has_one_token: true, ..Service::default() });
    let refused = cache.token().await.unwrap();

    assert_eq!(cache.replace(&refused).await, None);
    assert_eq!(service.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_first_token_is_there_before_anybody_asks() {
    let (service, cache) = start(Service::default());

    cache.prefetch();
    sleep(2 * LATENCY).await;

    assert_eq!(cache.token().now_or_never(), Some(Ok(token(1))));
    assert_eq!(service.requests(), 1);
}
