//! A way to Redis that can fail as networks do: connections that stay open and carry nothing.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

pub(crate) struct Proxy {
    address: SocketAddr,
    target: watch::Sender<String>,
    silenced: watch::Sender<()>,
    _accepting: AbortOnDropHandle<()>,
}

impl Proxy {
    pub(crate) async fn before(target: String) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = watch::Sender::new(target);
        let silenced = watch::Sender::new(());
        let (goal, silence) = (target.clone(), silenced.clone());
        let accepting = TaskTracker::new().spawn(async move {
            let connections = TaskTracker::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let goal = goal.borrow().clone();
                let server = TcpStream::connect(goal).await.unwrap();
                connections.spawn(carry(client, server, silence.subscribe()));
            }
        });
        Self { address, target, silenced, _accepting: AbortOnDropHandle::new(accepting) }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// New connections go there; those that are stay.
    pub(crate) fn lead_to(&self, target: String) {
        self.target.send_replace(target);
    }

    /// What is connected now stays so and carries nothing any more. New connections are sound.
    pub(crate) fn silence(&self) {
        self.silenced.send_replace(());
    }
}

async fn carry(mut client: TcpStream, mut server: TcpStream, mut silence: watch::Receiver<()>) {
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = silence.changed() => {
            // Redis sees the client go; the client sees nothing.
            let _ = server.shutdown().await;
            std::future::pending::<()>().await;
        }
    }
}
