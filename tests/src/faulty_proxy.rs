//! A TCP proxy that fails as networks do.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// A TCP proxy between a client and a server, whose faults the test controls.
pub struct FaultyProxy {
    address: SocketAddr,
    state: watch::Sender<ProxyState>,
    _accepting: AbortOnDropHandle<()>,
}

/// What the proxy does with the bytes that it receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyState {
    /// Forwards everything at once.
    Forwarding,
    /// Delays each packet by this time.
    Delaying(Duration),
    /// Forwards nothing and keeps the connections open. Packets are delivered when it forwards again.
    Stalled,
    /// Closes all connections, including new ones.
    Closed,
}

impl FaultyProxy {
    /// Starts a proxy that forwards to this server, given as `host:port`.
    pub async fn start(server: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = watch::Sender::new(ProxyState::Forwarding);
        let accepting = accept(listener, server.to_owned(), state.clone());
        let accepting = AbortOnDropHandle::new(TaskTracker::new().spawn(accepting));
        Self { address, state, _accepting: accepting }
    }

    /// The address that it listens on, as `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Changes the state of all connections.
    pub fn set_state(&self, state: ProxyState) {
        self.state.send_replace(state);
    }
}

async fn accept(listener: TcpListener, server: String, state: watch::Sender<ProxyState>) {
    let connections = TaskTracker::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        if let Ok(upstream) = TcpStream::connect(&server).await {
            connections.spawn(proxy(client, upstream, state.subscribe()));
        }
    }
}

async fn proxy(client: TcpStream, server: TcpStream, mut state: watch::Receiver<ProxyState>) {
    let (to_server, to_client) = (state.clone(), state.clone());
    let ((client_out, client_in), (server_out, server_in)) =
        (client.into_split(), server.into_split());
    tokio::select! {
        () = forward(client_out, server_in, to_server) => {}
        () = forward(server_out, client_in, to_client) => {}
        _ = state.wait_for(|state| *state == ProxyState::Closed) => {}
    }
}

async fn forward(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<ProxyState>,
) {
    let mut packet = [0; 16 * 1024];
    while let Ok(bytes @ 1..) = from.read(&mut packet).await {
        let now = state.wait_for(|state| *state != ProxyState::Stalled).await.map(|state| *state);
        if let Ok(ProxyState::Delaying(delay)) = now {
            sleep(delay).await;
        }
        if now.is_err() || to.write_all(&packet[..bytes]).await.is_err() {
            return;
        }
    }
}
