use std::sync::Arc;
use std::time::Duration;

use engineioxide_core::{OpenPacket, Packet, Sid, TransportType};
use tokio::sync::{Mutex, MutexGuard, Notify, mpsc, watch};
use tokio::time::{sleep, timeout};
use webchat_domain::{Session as Browser, SessionId};

use super::close_reason::End;
use super::engine_io_error::Refusal;
use super::outbox::{MAX_PAYLOAD, Outbox, Queued};

const PING_INTERVAL: Duration = Duration::from_secs(25);

/// How long a client may take to answer a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// After which a poll is answered with nothing when its client is about to leave polling. At once
/// would be as often as the client can ask, until it has left.
const NOOP_AFTER: Duration = Duration::from_millis(100);

/// A session of Engine.IO: what a client has over whatever transports it comes.
pub(crate) struct Session {
    sid: Sid,
    user_id: SessionId,
    carrier: watch::Sender<Carrier>,
    end: watch::Sender<Option<End>>,
    ping: Arc<Notify>,
    pong: Notify,
    /// Held by the poll that waits, or by the WebSocket.
    outbox: Mutex<Outbox>,
    /// Held by the request that posts, or by the WebSocket.
    inbox: Mutex<Inbox>,
}

/// What comes from a client, on its way to be obeyed: no more than one packet at a time, so that a
/// client waits while it is obeyed.
pub(super) type Inbox = mpsc::Sender<Packet>;

/// Which transport carries a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    Polling,
    /// Still polling; a WebSocket is open that has not proved yet that it carries anything.
    TurnStart,
    /// Still polling; the WebSocket works, and the client lets its last poll end.
    Probed,
    WebSocket,
}

impl Session {
    /// A session, whoever fills its outbox, and what is heard from its client.
    pub(super) fn new(
        user_id: SessionId,
        carrier: Carrier,
    ) -> (Self, mpsc::Sender<Queued>, mpsc::Receiver<Packet>) {
        let ping = Arc::new(Notify::new());
        let (sender, outbox) = Outbox::new(Arc::clone(&ping));
        let (inbox, heard) = mpsc::channel(1);
        let session = Self {
            sid: Sid::new(),
            user_id,
            carrier: watch::Sender::new(carrier),
            end: watch::Sender::new(None),
            ping,
            pong: Notify::new(),
            outbox: Mutex::new(outbox),
            inbox: Mutex::new(inbox),
        };
        (session, sender, heard)
    }

    pub(super) fn sid(&self) -> Sid {
        self.sid
    }

    pub(super) fn belongs_to(&self, browser: &Browser) -> bool {
        self.user_id == browser.session_id
    }

    /// The first packet to its client.
    pub(super) fn open_packet(&self) -> Packet {
        let upgrades = match *self.carrier.borrow() {
            Carrier::WebSocket => None,
            _ => Some(TransportType::Websocket),
        };
        Packet::Open(OpenPacket {
            sid: self.sid,
            upgrades: upgrades.into_iter().collect(),
            ping_interval: PING_INTERVAL,
            ping_timeout: PING_TIMEOUT,
            max_payload: u64::try_from(MAX_PAYLOAD).unwrap_or(u64::MAX),
        })
    }

    /// Ends it, unless it has ended: why it did.
    pub(super) fn end(&self, end: End) -> End {
        let mut first = end;
        self.end.send_if_modified(|ended| {
            let is_first = ended.is_none();
            first = *ended.get_or_insert(end);
            is_first
        });
        first
    }

    pub(super) fn has_ended(&self) -> bool {
        self.end.borrow().is_some()
    }

    /// Waits for its end.
    pub(super) async fn ended(&self) -> End {
        let mut end = self.end.subscribe();
        let ended = end.wait_for(Option::is_some).await;
        ended.ok().and_then(|end| *end).unwrap_or(End::Left)
    }

    /// Pings its client until it does not answer any more.
    pub(super) async fn keep_alive(&self) -> End {
        loop {
            sleep(PING_INTERVAL).await;
            self.ping.notify_one();
            if timeout(PING_TIMEOUT, self.pong.notified()).await.is_err() {
                return End::Silent;
            }
        }
    }

    /// The outbox, for a poll. A second poll at a time ends the session: the order of what the two
    /// get would be lost.
    pub(super) fn outbox_for_poll(&self) -> Result<MutexGuard<'_, Outbox>, Refusal> {
        self.for_request(&self.outbox)
    }

    /// The inbox, for a request that posts; one at a time, as for polls.
    pub(super) fn inbox_for_post(&self) -> Result<MutexGuard<'_, Inbox>, Refusal> {
        self.for_request(&self.inbox)
    }

    fn for_request<'a, T>(&self, half: &'a Mutex<T>) -> Result<MutexGuard<'a, T>, Refusal> {
        let taken = half.try_lock();
        // Asked after the lock: the WebSocket locks after it became the carrier.
        if *self.carrier.borrow() == Carrier::WebSocket {
            return Err(Refusal::BadRequest);
        }
        taken.map_err(|_| {
            self.end(End::Broken);
            Refusal::BadRequest
        })
    }

    /// Both halves, for the WebSocket: after the requests that have them still.
    pub(super) async fn for_websocket(&self) -> (MutexGuard<'_, Outbox>, MutexGuard<'_, Inbox>) {
        self.carrier.send_replace(Carrier::WebSocket);
        (self.outbox.lock().await, self.inbox.lock().await)
    }

    /// Claims the session for a WebSocket, of which it may have one at a time.
    pub(super) fn begin_upgrade(&self) -> Result<(), Refusal> {
        let is_polling = |carrier: &mut Carrier| {
            let is_polling = *carrier == Carrier::Polling;
            if is_polling {
                *carrier = Carrier::TurnStart;
            }
            is_polling
        };
        self.carrier.send_if_modified(is_polling).then_some(()).ok_or(Refusal::BadRequest)
    }

    /// The WebSocket works: the polls that wait should end.
    pub(super) fn probed(&self) {
        self.carrier.send_replace(Carrier::Probed);
    }

    /// The WebSocket came to nothing.
    pub(super) fn stay_with_polling(&self) {
        self.carrier.send_replace(Carrier::Polling);
    }

    /// Ends when a poll should end though there is nothing to tell, as its client waits for that
    /// to leave polling.
    pub(super) async fn leaves_polling(&self) {
        let mut carrier = self.carrier.subscribe();
        let is_leaving =
            |carrier: &Carrier| !matches!(carrier, Carrier::Polling | Carrier::TurnStart);
        // The sender is the session's own: it can't be gone.
        let _ = carrier.wait_for(is_leaving).await;
        sleep(NOOP_AFTER).await;
    }

    /// Takes a packet from its client.
    pub(super) async fn hear(&self, packet: Packet, inbox: &Inbox) -> Result<(), Refusal> {
        match packet {
            Packet::Message(_) | Packet::Binary(_) => {
                inbox.send(packet).await.map_err(|_| Refusal::UnknownSid)?;
            }
            // Around the pings, not behind the messages: they may take their time.
            Packet::Pong => self.pong.notify_one(),
            Packet::Close => {
                self.end(End::Left);
            }
            Packet::Upgrade | Packet::Noop => {}
            // Pings are the server's.
            _ => {
                self.end(End::Broken);
                return Err(Refusal::BadRequest);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
impl Session {
    pub(super) fn of_somebody() -> Arc<Self> {
        Arc::new(Self::new(SessionId::generate(), Carrier::Polling).0)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::time::Instant;

    use super::*;

    fn open() -> (Session, mpsc::Sender<Queued>, mpsc::Receiver<Packet>) {
        Session::new(SessionId::generate(), Carrier::Polling)
    }

    async fn poll(session: &Session) -> String {
        session.outbox_for_poll().unwrap().payload().await.unwrap()
    }

    async fn hear(session: &Session, packet: Packet) -> Result<(), Refusal> {
        let inbox = session.inbox_for_post().unwrap();
        session.hear(packet, &inbox).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_answers_is_pinged_every_25_s_and_one_that_does_not_is_gone_after_20_s() {
        let (session, _sender, _heard) = open();
        let start = Instant::now();
        let mut told = Vec::new();

        let client = async {
            for _ in 0..3 {
                told.push((poll(&session).await, start.elapsed().as_secs()));
                hear(&session, Packet::Pong).await.unwrap();
            }
        };
        let both = async { tokio::join!(session.keep_alive(), client) };
        let (end, ()) = timeout(Duration::from_mins(5), both).await.unwrap();

        let ping = || "2".to_owned();
        assert_eq!(told, [(ping(), 25), (ping(), 50), (ping(), 75)]);
        assert_eq!((end, start.elapsed().as_secs()), (End::Silent, 75 + 25 + 20));
    }

    #[tokio::test(start_paused = true)]
    async fn pings_and_pongs_go_around_what_waits() {
        let (session, sender, _heard) = open();
        let message = || Packet::Message("x".into());
        while sender.try_send(Queued::Packet(message())).is_ok() {}
        hear(&session, message()).await.unwrap();

        let waiting = hear(&session, message()).now_or_never();
        let ponged = hear(&session, Packet::Pong).now_or_never();
        session.ping.notify_one();
        let payload = poll(&session).await;

        assert_eq!((waiting, ponged), (None, Some(Ok(()))));
        assert!(payload.starts_with("2\x1e4x\x1e4x"), "{payload}");
    }

    #[tokio::test]
    async fn what_ended_it_first_counts() {
        let (session, ..) = open();

        assert!(!session.has_ended());
        assert_eq!(session.end(End::Left), End::Left);
        assert_eq!(session.end(End::Restart), End::Left);
        assert_eq!(session.ended().await, End::Left);
    }
}
