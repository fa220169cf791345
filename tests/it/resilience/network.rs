//! Network faults between the server and its peers.

use std::fs;
use std::time::Duration;

use rstest::rstest;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use webchat_tests::{
    Addresses, FaultyProxy, Process, ProxyState, ReconnectingClient, ScriptedModel, TIMEOUT,
    mongodb_uri, redis_url,
};

/// A server that is connected to its clients, Redis, MongoDB and its upstream through faulty proxies.
struct ProxiedServer {
    server: Process,
    clients: FaultyProxy,
    redis: FaultyProxy,
    mongodb: FaultyProxy,
    upstream: FaultyProxy,
    _dir: TempDir,
}

impl ProxiedServer {
    async fn start() -> Self {
        let model = ScriptedModel::with_delay(Duration::from_millis(20));
        let (mongodb_uri, redis_url) = (mongodb_uri(), redis_url());
        let upstream = FaultyProxy::start(authority(model.url())).await;
        let redis = FaultyProxy::start(authority(&redis_url)).await;
        let mongodb = FaultyProxy::start(authority(&mongodb_uri)).await;
        let database = mongodb_uri.split(['/', '?']).nth(3).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let settings = [
            ("AZURE_API_URL", format!("http://{}/v1/chat/completions", upstream.address())),
            ("SECRET_KEY", "0123456789abcdef0123456789abcdef".to_owned()),
            ("REDIS_URL", format!("redis://{}", redis.address())),
            (
                "MONGODB_URI",
                format!("mongodb://{}/{database}?directConnection=true", mongodb.address()),
            ),
        ];
        let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
        let server = Process::start(dir.path(), &settings).await;
        let clients = FaultyProxy::start(authority(server.browser().base().as_str())).await;
        Self { server, clients, redis, mongodb, upstream, _dir: dir }
    }

    fn proxy(&self, peer: &str) -> &FaultyProxy {
        match peer {
            "clients" => &self.clients,
            "redis" => &self.redis,
            "mongodb" => &self.mongodb,
            "upstream" => &self.upstream,
            other => panic!("no proxy for {other}"),
        }
    }

    /// The number of the server's open file descriptors, which include sockets.
    fn open_descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.server.id())).unwrap().count()
    }
}

fn authority(url: &str) -> &str {
    url.split('/').nth(2).unwrap()
}

const SLOW: ProxyState = ProxyState::Delaying(Duration::from_millis(100));

/// The network has two faults during an answer, then it recovers.
#[rstest]
#[tokio::test]
async fn after_a_network_fault_the_server_recovers_and_leaks_no_connection(
    #[values("clients", "redis", "mongodb", "upstream")] peer: &str,
    #[values(
        [SLOW, SLOW],
        [ProxyState::Closed, ProxyState::Closed],
        [ProxyState::Stalled, ProxyState::Stalled],
        [ProxyState::Stalled, ProxyState::Closed],
    )]
    faults: [ProxyState; 2],
) {
    let proxied = ProxiedServer::start().await;
    let addresses = Addresses::of_proxy(&proxied.clients);
    let mut client = ReconnectingClient::start(&addresses).await;
    client.ask("before").await;
    let initial_descriptors = proxied.open_descriptors();
    let question = "word ".repeat(50);

    let inject_faults = async {
        sleep(Duration::from_millis(300)).await;
        for fault in faults {
            proxied.proxy(peer).set_state(fault);
            sleep(Duration::from_secs(1)).await;
        }
        proxied.proxy(peer).set_state(ProxyState::Forwarding);
    };
    let (answer, ()) = tokio::join!(client.ask(&question), inject_faults);
    let answer_after = client.ask("after").await;

    let expected = format!("You said: {question}");
    if peer == "upstream" {
        // The partial text is kept, and the answer is marked as failed.
        assert!(expected.starts_with(&answer.text), "{answer:?}");
        assert!(answer.text == expected || answer.finish_reason == "failed", "{answer:?}");
    } else {
        assert_eq!(
            (answer.text.as_str(), answer.finish_reason.as_str()),
            (expected.as_str(), "stop")
        );
    }
    assert_eq!(answer_after.text, "You said: after");
    let stored = client.stored_messages().await;
    let contents: Vec<_> = stored.iter().map(|(_, content, _)| content.as_str()).collect();
    assert_eq!(contents[3..], [&answer.text, "after", "You said: after"]);
    let close_connections = async {
        // The connection pools may have grown a little.
        while proxied.open_descriptors() > initial_descriptors + 4 {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(TIMEOUT, close_connections).await.expect("connections leaked");
}
