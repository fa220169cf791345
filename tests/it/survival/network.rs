use std::fs;
use std::time::Duration;

use rstest::rstest;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use webchat_tests::{
    Addresses, Link, LinkState, PATIENCE, Process, ScriptedModel, SteadyClient, mongodb_uri,
    redis_url,
};

/// A server with a network to each of those that it talks to.
struct Networked {
    server: Process,
    clients: Link,
    redis: Link,
    mongodb: Link,
    upstream: Link,
    _folder: TempDir,
}

impl Networked {
    async fn start() -> Self {
        let model = ScriptedModel::paced(Duration::from_millis(20));
        let (mongodb_uri, redis_url) = (mongodb_uri(), redis_url());
        let upstream = Link::to(authority(model.url())).await;
        let redis = Link::to(authority(&redis_url)).await;
        let mongodb = Link::to(authority(&mongodb_uri)).await;
        let database = mongodb_uri.split(['/', '?']).nth(3).unwrap();
        let folder = tempfile::tempdir().unwrap();
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
        let server = Process::start(folder.path(), &settings).await;
        let clients = Link::to(authority(server.browser().base().as_str())).await;
        Self { server, clients, redis, mongodb, upstream, _folder: folder }
    }

    fn link(&self, to: &str) -> &Link {
        match to {
            "clients" => &self.clients,
            "redis" => &self.redis,
            "mongodb" => &self.mongodb,
            "upstream" => &self.upstream,
            other => panic!("there is no link to {other}"),
        }
    }

    /// How many files and sockets the server has open.
    fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.server.id())).unwrap().count()
    }
}

fn authority(url: &str) -> &str {
    url.split('/').nth(2).unwrap()
}

const SLOW: LinkState = LinkState::Slow(Duration::from_millis(100));

/// In the middle of an answer a network fails, in one way and then in another, and is sound again.
#[rstest]
#[tokio::test]
async fn after_a_fault_of_any_network_everything_goes_on_and_nothing_is_left_behind(
    #[values("clients", "redis", "mongodb", "upstream")] to: &str,
    #[values(
        [SLOW, SLOW],
        [LinkState::Cut, LinkState::Cut],
        [LinkState::Silent, LinkState::Silent],
        [LinkState::Silent, LinkState::Cut],
    )]
    faults: [LinkState; 2],
) {
    let networked = Networked::start().await;
    let addresses = Addresses::at(&networked.clients);
    let mut client = SteadyClient::start(&addresses).await;
    client.ask("before").await;
    let open_before = networked.open_files();
    let question = "word ".repeat(50);

    let failing = async {
        sleep(Duration::from_millis(300)).await;
        for fault in faults {
            networked.link(to).set(fault);
            sleep(Duration::from_secs(1)).await;
        }
        networked.link(to).set(LinkState::Sound);
    };
    let (during, ()) = tokio::join!(client.ask(&question), failing);
    let after = client.ask("after").await;

    let whole = format!("You said: {question}");
    if to == "upstream" {
        // What came of it is kept, and it is said that it is not all.
        assert!(whole.starts_with(&during.text), "{during:?}");
        assert!(during.text == whole || during.finish_reason == "failed", "{during:?}");
    } else {
        assert_eq!((during.text.as_str(), during.finish_reason.as_str()), (whole.as_str(), "stop"));
    }
    assert_eq!(after.text, "You said: after");
    let stored = client.stored().await;
    let answers: Vec<_> = stored.iter().map(|(_, content, _)| content.as_str()).collect();
    assert_eq!(answers[3..], [&during.text, "after", "You said: after"]);
    let closed = async {
        // A connection to a database may be opened beside those that are kept.
        while networked.open_files() > open_before + 4 {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, closed).await.expect("no connection is left behind");
}
