//! What turns cost the server and its databases: processor time, context switches and writes.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use mongodb::bson::doc;
use reqwest::Url;
use webchat_tests::Process;

use crate::support::process::{context_switches, cpu_seconds, written_bytes};
use crate::support::report::Row;

/// The processes that take part in a turn.
pub(super) struct Pids {
    server: u32,
    mongo: Option<u32>,
    redis: Option<u32>,
}

/// The resources that processes have used.
pub(super) struct Cost {
    server_cpu: f64,
    mongo_cpu: f64,
    redis_cpu: f64,
    switches: f64,
    written_bytes: f64,
    mongo_written_bytes: f64,
}

impl Pids {
    pub(super) async fn of(server: &Process, settings: &[(&str, &str)]) -> Self {
        let mut pids = Self { server: server.id(), mongo: None, redis: None };
        for (name, url) in settings {
            match *name {
                "MONGODB_URI" => pids.mongo = Some(mongo_pid(url).await),
                "REDIS_URL" => pids.redis = Some(redis_pid(url).await),
                _ => {}
            }
        }
        pids
    }
}

async fn mongo_pid(uri: &str) -> u32 {
    let client = mongodb::Client::with_uri_str(uri).await.unwrap();
    let status = client.database("admin").run_command(doc! { "serverStatus": 1 }).await.unwrap();
    status.get_i64("pid").unwrap().try_into().unwrap()
}

async fn redis_pid(url: &str) -> u32 {
    let address = url.parse::<Url>().unwrap().socket_addrs(|| None).unwrap().remove(0);
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(b"INFO server\r\nQUIT\r\n").await.unwrap();
    let mut info = String::new();
    connection.read_to_string(&mut info).await.unwrap();
    let pid = info.lines().find_map(|line| line.strip_prefix("process_id:"));
    pid.unwrap().trim().parse().unwrap()
}

impl Cost {
    /// Returns what the processes have used since their starts.
    pub(super) fn now(pids: &Pids) -> Self {
        Self {
            server_cpu: cpu_seconds(pids.server),
            mongo_cpu: pids.mongo.map_or(0.0, cpu_seconds),
            redis_cpu: pids.redis.map_or(0.0, cpu_seconds),
            switches: context_switches(pids.server),
            written_bytes: written_bytes(pids.server),
            mongo_written_bytes: pids.mongo.map_or(0.0, written_bytes),
        }
    }

    pub(super) fn since(self, earlier: &Self) -> Self {
        Self {
            server_cpu: self.server_cpu - earlier.server_cpu,
            mongo_cpu: self.mongo_cpu - earlier.mongo_cpu,
            redis_cpu: self.redis_cpu - earlier.redis_cpu,
            switches: self.switches - earlier.switches,
            written_bytes: self.written_bytes - earlier.written_bytes,
            mongo_written_bytes: self.mongo_written_bytes - earlier.mongo_written_bytes,
        }
    }

    /// The server's processor time for each of these turns, in milliseconds.
    pub(super) fn server_cpu_ms(&self, turns: u32) -> f64 {
        self.server_cpu * 1_000.0 / f64::from(turns)
    }

    /// The cost of each of these turns.
    pub(super) fn row(&self, case: String, turns: u32) -> Row {
        let each = |total: f64| total / f64::from(turns);
        Row::new(case)
            .figure("server", self.server_cpu_ms(turns), "ms CPU")
            .figure("mongod", each(self.mongo_cpu) * 1_000.0, "ms CPU")
            .figure("redis", each(self.redis_cpu) * 1_000.0, "ms CPU")
            .figure("switches", each(self.switches), "")
            .figure("written", each(self.written_bytes + self.mongo_written_bytes) / 1_000.0, "kB")
    }
}
