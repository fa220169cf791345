//! Connections and proxies.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use webchat_llm::{HttpChatModel, HttpSettings, ProxySettings, SetupError};

use crate::upstream::{
    STREAM_HEAD, Upstream, end_events, good_response, http_chunk, response, text_event,
};
use crate::{ANSWER, KEY, answer, failure, model, settings};

fn model_behind_proxy(url: &str, proxy: &str, except: &str) -> HttpChatModel {
    let proxy = ProxySettings { url: proxy.parse().unwrap(), except: except.to_owned() };
    HttpChatModel::new(HttpSettings { proxy: Some(proxy), ..settings(url) }).unwrap()
}

#[tokio::test]
async fn answers_and_errors_reuse_one_connection() {
    let upstream = Upstream::start(|connection, number, _| match number {
        0 => connection.write(&response(400, "", "{}")),
        1 => {
            // The body ends some time after the answer.
            connection.write(STREAM_HEAD);
            connection.write(&http_chunk(&(text_event() + &end_events())));
            thread::sleep(Duration::from_millis(50));
            connection.write(&http_chunk(""));
        }
        _ => connection.write(&good_response()),
    });
    let model = model(&upstream.url());

    failure(&model).await;
    for _ in 0..3 {
        assert_eq!(answer(&model).await, ANSWER);
    }

    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn a_remote_model_is_reached_through_the_proxy_with_its_credentials() {
    let mut proxy = Upstream::with([good_response()]);
    let address = format!("http://me:pa55@{}", proxy.address());

    let model = model_behind_proxy("http://model.example/v1/chat/completions", &address, "");

    assert_eq!(answer(&model).await, ANSWER);
    let head = proxy.request().await.head;
    assert!(head.starts_with("POST http://model.example/v1/chat/completions HTTP/1.1"), "{head}");
    // me:pa55
    assert!(head.contains("proxy-authorization: Basic bWU6cGE1NQ=="), "{head}");
}

#[tokio::test]
async fn a_proxy_that_rejects_connections_gets_no_key_and_its_password_is_not_shown() {
    let mut proxy = Upstream::with([response(403, "", "")]);
    let address = format!("http://me:pa55@{}", proxy.address());

    let model = model_behind_proxy("https://model.example/v1/chat/completions", &address, "");
    let error = failure(&model).await;

    assert_eq!(error.code(), "model_unreachable");
    assert!(!format!("{error:?} {model:?}").contains("pa55"));
    let requests = proxy.take_requests();
    assert_eq!(requests.len(), 3);
    for request in requests {
        assert!(request.head.starts_with("CONNECT model.example:443 HTTP/1.1"));
        assert!(!request.head.contains(KEY));
    }
}

#[tokio::test]
async fn local_and_listed_hosts_bypass_the_proxy() {
    let upstream = Upstream::with([good_response()]);
    let mut proxy = Upstream::with([response(400, "", "")]);
    let address = format!("http://{}", proxy.address());

    let local = model_behind_proxy(&upstream.url(), &address, "");
    // A name that can't be resolved.
    let listed = model_behind_proxy("http://model.invalid/", &address, "other.example,.invalid");

    assert_eq!(answer(&local).await, ANSWER);
    assert_eq!(failure(&listed).await.code(), "model_unreachable");
    assert!(proxy.take_requests().is_empty());
}

#[tokio::test]
async fn a_socks_proxy_resolves_the_host() {
    let (url, requested_hosts) = socks_proxy();

    // A name that only the proxy can resolve.
    let model = model_behind_proxy("http://model.example/v1/chat/completions", &url, "");

    assert_eq!(answer(&model).await, ANSWER);
    assert_eq!(requested_hosts.recv().unwrap(), "model.example");
}

/// Starts a SOCKS5 proxy (RFC 1928) that reports the requested host, and answers itself.
fn socks_proxy() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("socks5h://{}", listener.local_addr().unwrap());
    let (sender, requested_hosts) = mpsc::channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let methods = read(&mut stream, 2)[1];
        read(&mut stream, methods.into());
        stream.write_all(&[5, 0]).unwrap();
        let length = read(&mut stream, 5)[4];
        let host = read(&mut stream, length.into());
        read(&mut stream, 2);
        sender.send(String::from_utf8(host).unwrap()).unwrap();
        stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
        stream.write_all(good_response().as_bytes()).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    (url, requested_hosts)
}

fn read(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

#[test]
fn an_unknown_proxy_scheme_is_rejected() {
    let proxy =
        ProxySettings { url: "ftp://proxy.example/".parse().unwrap(), except: String::new() };
    let settings = HttpSettings { proxy: Some(proxy), ..settings("http://model.example/") };

    assert!(matches!(HttpChatModel::new(settings), Err(SetupError::Proxy)));
}
