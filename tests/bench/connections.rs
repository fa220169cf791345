//! The server's memory for idle connections.

use futures_util::{StreamExt, stream};
use webchat_tests::{Browser, Process, Socket, SocketIo, Transport};

use crate::support::process::memory_kb;
use crate::support::report::{BenchContext, Row};

/// The number of connections per user.
const CONNECTIONS_PER_USER: usize = 10;

/// The number of users who connect concurrently.
const CONCURRENCY: usize = 20;

enum Connection {
    WebSocket { _socket: Socket },
    SocketIo { _client: SocketIo },
}

pub(crate) async fn measure(bench: BenchContext) {
    let counts = bench.full_or_quick([1_000, 10_000], [200, 1_000]);
    for name in ["/ws", "Socket.IO over a WebSocket"] {
        let dir = tempfile::tempdir().unwrap();
        let upstream = ("AZURE_API_URL", "http://127.0.0.1:9/v1/chat/completions");
        let settings = [upstream, ("LOG_LEVEL", "error")];
        let server = Process::start(dir.path(), &settings).await;
        // The first connections allocate memory that all of them share.
        drop(connect(&server, name, 100).await);
        let baseline = memory_kb(server.id());
        let mut open = Vec::new();
        for count in counts {
            open.extend(connect(&server, name, count - open.len()).await);
            let kb_per_connection =
                (memory_kb(server.id()) - baseline) / f64::from(u32::try_from(count).unwrap());
            bench.add(
                Row::new(format!("{name}, {count} connections"))
                    .figure("each", kb_per_connection, "kB")
                    .figure("the server", memory_kb(server.id()) / 1_000.0, "MB"),
            );
        }
        drop(open);
        server.kill().await;
    }
}

async fn connect(server: &Process, name: &str, count: usize) -> Vec<Connection> {
    let users = stream::iter((0..count).step_by(CONNECTIONS_PER_USER)).map(|_| async {
        let browser = server.browser();
        browser.start_conversation().await;
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS_PER_USER {
            connections.push(connect_one(&browser, name).await);
        }
        connections
    });
    users.buffer_unordered(CONCURRENCY).concat().await
}

async fn connect_one(browser: &Browser, name: &str) -> Connection {
    if name == "/ws" {
        Connection::WebSocket { _socket: browser.connect().await }
    } else {
        let client = SocketIo::connect(browser, Transport::WebSocket).await;
        Connection::SocketIo { _client: client }
    }
}
