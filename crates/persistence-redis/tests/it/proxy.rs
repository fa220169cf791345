//! A TCP proxy in front of Redis that can make connections half-open: Redis sees them close, but the client keeps them
//! open and receives nothing.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

pub(crate) struct Proxy {
    address: SocketAddr,
    target: watch::Sender<String>,
    half_open: watch::Sender<()>,
    _accepting: AbortOnDropHandle<()>,
}

impl Proxy {
    pub(crate) async fn to(target: String) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = watch::Sender::new(target);
        let half_open = watch::Sender::new(());
        let (current_target, half_opened) = (target.clone(), half_open.clone());
        let accepting = TaskTracker::new().spawn(async move {
            let connections = TaskTracker::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let target = current_target.borrow().clone();
                let server = TcpStream::connect(target).await.unwrap();
                connections.spawn(forward(client, server, half_opened.subscribe()));
            }
        });
        Self { address, target, half_open, _accepting: AbortOnDropHandle::new(accepting) }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Sets the target of new connections. Existing connections stay.
    pub(crate) fn set_target(&self, target: String) {
        self.target.send_replace(target);
    }

    /// Makes all existing connections half-open. New connections work.
    pub(crate) fn make_half_open(&self) {
        self.half_open.send_replace(());
    }
}

async fn forward(
    mut client: TcpStream,
    mut server: TcpStream,
    mut half_opened: watch::Receiver<()>,
) {
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = half_opened.changed() => {
            // Redis sees the connection close; the client does not.
            let _ = server.shutdown().await;
            std::future::pending::<()>().await;
        }
    }
}
