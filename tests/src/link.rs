use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// A network between a client and a server, which fails as networks do.
pub struct Link {
    address: SocketAddr,
    state: watch::Sender<LinkState>,
    _accepting: AbortOnDropHandle<()>,
}

/// What a network does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// It carries everything.
    Sound,
    /// It takes so long for each packet.
    Slow(Duration),
    /// It carries nothing, and nobody is told. What was sent meanwhile comes when it is sound again.
    Silent,
    /// It ends all connections, also those that begin now.
    Cut,
}

impl Link {
    /// A sound one to this server, as `host:port`.
    pub async fn to(server: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = watch::Sender::new(LinkState::Sound);
        let accepting = accept(listener, server.to_owned(), state.clone());
        let accepting = AbortOnDropHandle::new(TaskTracker::new().spawn(accepting));
        Self { address, state, _accepting: accepting }
    }

    /// Where its near end is, as `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// From now on it does this.
    pub fn set(&self, state: LinkState) {
        self.state.send_replace(state);
    }
}

async fn accept(listener: TcpListener, server: String, state: watch::Sender<LinkState>) {
    let connections = TaskTracker::new();
    loop {
        let (near, _) = listener.accept().await.unwrap();
        if let Ok(far) = TcpStream::connect(&server).await {
            connections.spawn(carry(near, far, state.subscribe()));
        }
    }
}

async fn carry(near: TcpStream, far: TcpStream, mut state: watch::Receiver<LinkState>) {
    let (there, back) = (state.clone(), state.clone());
    let ((near_out, near_in), (far_out, far_in)) = (near.into_split(), far.into_split());
    tokio::select! {
        () = pass_on(near_out, far_in, there) => {}
        () = pass_on(far_out, near_in, back) => {}
        _ = state.wait_for(|state| *state == LinkState::Cut) => {}
    }
}

async fn pass_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<LinkState>,
) {
    let mut packet = [0; 16 * 1024];
    while let Ok(bytes @ 1..) = from.read(&mut packet).await {
        let now = state.wait_for(|state| *state != LinkState::Silent).await.map(|state| *state);
        if let Ok(LinkState::Slow(delay)) = now {
            sleep(delay).await;
        }
        if now.is_err() || to.write_all(&packet[..bytes]).await.is_err() {
            return;
        }
    }
}
