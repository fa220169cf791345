//! A TCP proxy that simulates network faults.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// A TCP proxy between a client and a server, with faults that the test controls.
pub struct FaultyProxy {
    address: SocketAddr,
    state: watch::Sender<ProxyState>,
    _accept_task: AbortOnDropHandle<()>,
}

/// The treatment of the bytes that the proxy receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyState {
    /// Forwards everything immediately.
    Forwarding,
    /// Waits for this time before it forwards each packet.
    Delaying(Duration),
    /// Keeps the connections open, but forwards nothing until this state ends.
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
        let accept_loop = accept(listener, server.to_owned(), state.clone());
        let accept_task = AbortOnDropHandle::new(TaskTracker::new().spawn(accept_loop));
        Self { address, state, _accept_task: accept_task }
    }

    /// The address of the proxy, as `host:port`.
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
        if let Ok(server) = TcpStream::connect(&server).await {
            connections.spawn(relay(client, server, state.subscribe()));
        }
    }
}

async fn relay(client: TcpStream, server: TcpStream, mut state: watch::Receiver<ProxyState>) {
    let (request_state, response_state) = (state.clone(), state.clone());
    let ((client_reader, client_writer), (server_reader, server_writer)) =
        (client.into_split(), server.into_split());
    tokio::select! {
        () = forward(client_reader, server_writer, request_state) => {}
        () = forward(server_reader, client_writer, response_state) => {}
        _ = state.wait_for(|state| *state == ProxyState::Closed) => {}
    }
}

async fn forward(
    mut reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<ProxyState>,
) {
    let mut packet = [0; 16 * 1024];
    while let Ok(length @ 1..) = reader.read(&mut packet).await {
        let current =
            state.wait_for(|state| *state != ProxyState::Stalled).await.map(|state| *state);
        if let Ok(ProxyState::Delaying(delay)) = current {
            sleep(delay).await;
        }
        if current.is_err() || writer.write_all(&packet[..length]).await.is_err() {
            return;
        }
    }
}
