use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use webchat_llm::{HttpChatModel, HttpSettings, ProxySettings, SetupError};

use crate::upstream::{STREAM, Upstream, end_events, good_response, part, response, text_event};
use crate::{ANSWER, KEY, answer, model, refusal, settings};

fn proxied(url: &str, proxy: &str, except: &str) -> HttpChatModel {
    let proxy = ProxySettings { url: proxy.parse().unwrap(), except: except.to_owned() };
    HttpChatModel::new(HttpSettings { proxy: Some(proxy), ..settings(url) }).unwrap()
}

#[tokio::test]
async fn one_connection_serves_answers_and_refusals_one_after_the_other() {
    let upstream = Upstream::start(|connection, number, _| match number {
        0 => connection.write(&response(400, "", "{}")),
        1 => {
            // The body ends a little after the answer.
            connection.write(STREAM);
            connection.write(&part(&(text_event() + &end_events())));
            thread::sleep(Duration::from_millis(50));
            connection.write(&part(""));
        }
        _ => connection.write(&good_response()),
    });
    let model = model(&upstream.url());

    refusal(&model).await;
    for _ in 0..3 {
        assert_eq!(answer(&model).await, ANSWER);
    }

    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn the_proxy_is_asked_for_a_model_elsewhere_with_its_user_and_password() {
    let mut proxy = Upstream::with([good_response()]);
    let address = format!("http://me:pa55@{}", proxy.address());

    let model = proxied("http://model.example/v1/chat/completions", &address, "");

    assert_eq!(answer(&model).await, ANSWER);
    let head = proxy.request().await.head;
    assert!(head.starts_with("POST http://model.example/v1/chat/completions HTTP/1.1"), "{head}");
    // me:pa55
    assert!(head.contains("proxy-authorization: Basic bWU6cGE1NQ=="), "{head}");
}

#[tokio::test]
async fn a_proxy_that_lets_nobody_through_gets_no_key_and_shows_no_password() {
    let mut proxy = Upstream::with([response(403, "", "")]);
    let address = format!("http://me:pa55@{}", proxy.address());

    let model = proxied("https://model.example/v1/chat/completions", &address, "");
    let error = refusal(&model).await;

    assert_eq!(error.code(), "model_unreachable");
    assert!(!format!("{error:?} {model:?}").contains("pa55"));
    let requests = proxy.requests();
    assert_eq!(requests.len(), 3);
    for request in requests {
        assert!(request.head.starts_with("CONNECT model.example:443 HTTP/1.1"));
        assert!(!request.head.contains(KEY));
    }
}

#[tokio::test]
async fn no_proxy_leads_to_this_machine_nor_to_what_is_excepted() {
    let upstream = Upstream::with([good_response()]);
    let mut proxy = Upstream::with([response(400, "", "")]);
    let address = format!("http://{}", proxy.address());

    let here = proxied(&upstream.url(), &address, "");
    // A name that nobody can look up.
    let excepted = proxied("http://model.invalid/", &address, "other.example,.invalid");

    assert_eq!(answer(&here).await, ANSWER);
    assert_eq!(refusal(&excepted).await.code(), "model_unreachable");
    assert!(proxy.requests().is_empty());
}

#[tokio::test]
async fn a_proxy_may_speak_socks() {
    let (url, asked_for) = socks_proxy();

    // Where the proxy looks the name up: nobody here could.
    let model = proxied("http://model.example/v1/chat/completions", &url, "");

    assert_eq!(answer(&model).await, ANSWER);
    assert_eq!(asked_for.recv().unwrap(), "model.example");
}

/// A proxy by RFC 1928 that tells which host it was asked for, and answers in its place.
fn socks_proxy() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("socks5h://{}", listener.local_addr().unwrap());
    let (sender, asked_for) = mpsc::channel();
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
    (url, asked_for)
}

fn read(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

#[test]
fn an_address_that_is_no_proxys_is_refused() {
    let proxy =
        ProxySettings { url: "ftp://proxy.example/".parse().unwrap(), except: String::new() };
    let settings = HttpSettings { proxy: Some(proxy), ..settings("http://model.example/") };

    assert!(matches!(HttpChatModel::new(settings), Err(SetupError::Proxy)));
}
