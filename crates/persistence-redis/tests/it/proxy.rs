//! A TCP proxy in front of Redis that can stall connections: they stay open but carry no data.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

pub(crate) struct Proxy {
    address: SocketAddr,
    target: watch::Sender<String>,
    stalled: watch::Sender<()>,
    _accepting: AbortOnDropHandle<()>,
}

impl Proxy {
    pub(crate) async fn to(target: String) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = watch::Sender::new(target);
        let stalled = watch::Sender::new(());
        let (current_target, stall) = (target.clone(), stalled.clone());
        let accepting = TaskTracker::new().spawn(async move {
            let connections = TaskTracker::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let target = current_target.borrow().clone();
                let server = TcpStream::connect(target).await.unwrap();
                connections.spawn(forward(client, server, stall.subscribe()));
            }
        });
        Self { address, target, stalled, _accepting: AbortOnDropHandle::new(accepting) }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// The target of new connections. Existing ones stay.
    pub(crate) fn set_target(&self, target: String) {
        self.target.send_replace(target);
    }

    /// Stalls all existing connections. New ones work.
    pub(crate) fn stall(&self) {
        self.stalled.send_replace(());
    }
}

async fn forward(mut client: TcpStream, mut server: TcpStream, mut stall: watch::Receiver<()>) {
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = stall.changed() => {
            // Redis sees the connection close; the client does not.
            let _ = server.shutdown().await;
            std::future::pending::<()>().await;
        }
    }
}
