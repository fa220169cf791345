//! Files: uploads, analysis and cancellation.

mod again;

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use webchat_tests::{Browser, Process, Response, ScriptedModel, Socket, TIMEOUT, TestServer};

/// Settings that split files into parts of 64 tokens, which are analysed one at a time.
const SMALL_PARTS: [(&str, &str); 2] = [("CHUNK_SIZE_TOKENS", "64"), ("FILE_CONCURRENCY", "1")];

/// Generates the content of a file that is split into this number of parts.
fn text(parts: usize) -> String {
    let parts = (1..=parts).map(|part| format!("{part}{}\n\n", " tide".repeat(50)));
    parts.collect::<Vec<_>>().concat()
}

fn files_path(id: &str) -> String {
    format!("/api/v1/conversations/{id}/files")
}

/// Uploads a file. Returns the path of its job.
async fn upload(browser: &Browser, id: &str, content: &str) -> String {
    let response = browser.upload(&files_path(id), "tides.txt", content.as_bytes()).await;
    assert_eq!(response.status, StatusCode::ACCEPTED, "{response:?}");
    format!("{}/{}", files_path(id), response.json()["job_id"].as_str().unwrap())
}

/// Waits until the job has this status. Returns the job.
async fn wait_for_status(browser: &Browser, job_path: &str, status: &str) -> Value {
    let wait = async {
        loop {
            let job = browser.get(job_path).await.json();
            if job["status"] == json!(status) {
                return job;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(TIMEOUT, wait)
        .await
        .unwrap_or_else(|_| panic!("timed out waiting for the status {status}"))
}

async fn contents(browser: &Browser, id: &str) -> Vec<String> {
    let page = browser.get(&format!("/api/v1/conversations/{id}/messages")).await.json();
    let messages = page["messages"].as_array().unwrap();
    messages.iter().map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

async fn subscribe(socket: &mut Socket, id: &str) {
    socket.send("subscribe", json!({"conversation_id": id})).await;
    socket.expect("subscribed").await;
}

#[tokio::test]
async fn file_progress_is_published_and_the_model_receives_the_analysis() {
    let server = TestServer::with_settings(&SMALL_PARTS).await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;
    subscribe(&mut socket, &id).await;
    for text in ["Part one.", "Part two.", "Both parts."] {
        let scripted = server.model.next_answer();
        scripted.send(text);
        scripted.finish();
    }

    let job_path = upload(&browser, &id, &text(2)).await;
    let mut received = Vec::new();
    for _ in 0..4 {
        let progress = socket.expect("file_progress").await;
        received.push((
            progress["status"].clone(),
            progress["done"].clone(),
            progress["of"].clone(),
        ));
    }
    let title_change = socket.expect("conversation_updated").await;
    let file_change = socket.expect("conversation_updated").await;
    let job = browser.get(&job_path).await.json();
    let listed = browser.get(&files_path(&id)).await.json();
    socket.ask(&id, "What is it about?").await;

    let expected = [("running", 0), ("running", 1), ("running", 2), ("complete", 2)];
    assert_eq!(received, expected.map(|(status, done)| (json!(status), json!(done), json!(2))));
    assert_eq!(title_change["title"], json!("tides.txt"));
    assert_eq!((&file_change["change"], &file_change["job_id"]), (&json!("file"), &job["job_id"]));
    assert_eq!(job["file_name"], json!("tides.txt"));
    assert_eq!(job["size_bytes"], json!(text(2).len()));
    assert!(job["message_id"].is_string() && job["error"].is_null(), "{job}");
    assert_eq!(listed, json!({"files": [job]}));
    let contents = contents(&browser, &id).await;
    assert_eq!(contents[..2], ["Please analyse the file \"tides.txt\".", "Both parts."]);
    let request = server.model.requests().pop().unwrap();
    assert_eq!(request["messages"][1]["content"], json!("Both parts."), "{request}");
    let messages = browser.get(&format!("/api/v1/conversations/{id}/messages")).await.json();
    let analysis = messages["messages"][1]["message_id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/conversations/{id}/messages/{analysis}/regenerate");
    let regenerated = browser.post(&path).await;
    assert_eq!(regenerated.status_and_code(), (409, "file_analysis".to_owned()));
}

#[tokio::test]
async fn a_cancelled_file_adds_nothing_to_the_conversation() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let answer = server.model.next_answer();
    let job_path = upload(&browser, &id, "tides").await;
    server.model.wait_for_requests(1).await;

    let cancelled = browser.delete(&job_path).await;
    answer.wait_for_disconnect().await;

    assert_eq!(cancelled.status, StatusCode::NO_CONTENT);
    assert_eq!(browser.get(&job_path).await.json()["status"], json!("cancelled"));
    assert_eq!(browser.delete(&job_path).await.status, StatusCode::NO_CONTENT);
    let retried = browser.post(&format!("{job_path}/retry")).await;
    assert_eq!(retried.status_and_code(), (409, "file_not_failed".to_owned()));
    assert_eq!(contents(&browser, &id).await, [""; 0]);
}

#[tokio::test]
async fn a_restarted_server_analyses_only_the_missing_parts() {
    let model = ScriptedModel::start();
    let settings = [
        ("AZURE_API_URL", model.url()),
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
        SMALL_PARTS[0],
        SMALL_PARTS[1],
    ];
    let data = tempfile::tempdir().unwrap();
    let server = Process::start(data.path(), &settings).await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let first = model.next_answer();
    let second = model.next_answer();
    first.send("Part one.");
    first.finish();
    let job_path = upload(&browser, &id, &text(2)).await;
    second.send("Part");
    model.wait_for_requests(2).await;
    server.kill().await;

    for text in ["Part two.", "Both parts."] {
        let scripted = model.next_answer();
        scripted.send(text);
        scripted.finish();
    }
    let server = Process::start(data.path(), &settings).await;
    let browser = server.browser_with_cookies_of(&browser);
    wait_for_status(&browser, &job_path, "complete").await;

    assert_eq!(model.requests().len(), 4, "the first part was analysed again");
    assert_eq!(contents(&browser, &id).await[1..], ["Both parts."]);
}

#[tokio::test]
async fn an_invalid_upload_is_rejected_with_a_reason() {
    let limits = [("MAX_FILE_SIZE_MB", "0.1"), ("FILES_PER_USER", "1")];
    let server = TestServer::with_settings(&limits).await;
    let browser = server.browser();
    let path = files_path(&browser.start_conversation().await);
    let large = vec![b'x'; 200_000];
    let text = b"tides".as_slice();

    for (fields, status, code) in [
        (vec![("file", Some("tides.exe"), text)], 400, "unsupported_file_type"),
        (vec![("file", Some("tides.txt/"), text)], 400, "unsupported_file_type"),
        (vec![("file", Some("a.txt"), b"".as_slice())], 400, "empty_file"),
        (vec![("file", Some("a.txt"), b"\xff\xfe\0".as_slice())], 400, "file_not_text"),
        (vec![("file", Some("a.txt"), &large[..110_000])], 413, "payload_too_large"),
        (vec![("file", Some("a.txt"), &large)], 413, "payload_too_large"),
        (vec![("other", None, &large), ("file", Some("a.txt"), text)], 413, "payload_too_large"),
        (vec![], 400, "invalid_request"),
        (vec![("file", None, text)], 400, "invalid_request"),
        (vec![("file", Some(""), b"")], 400, "invalid_request"),
        (vec![("text", Some("a.txt"), text)], 400, "invalid_request"),
        (vec![("file", Some("a.txt"), text); 2], 400, "invalid_request"),
    ] {
        let rejected = browser.post_form(&path, &fields).await;
        assert_eq!(rejected.status_and_code(), (status, code.to_owned()), "{:?}", rejected.text);
    }
    let request = browser.request(Method::POST, &path).header(CONTENT_TYPE, "text/plain");
    let no_form = browser.send(request.body("tides")).await;
    assert_eq!(no_form.status_and_code(), (415, "unsupported_media_type".to_owned()));
    assert_eq!(browser.get(&path).await.json(), json!({"files": []}));

    let _answer = server.model.next_answer();
    let fields = [("note", None, text), ("file", Some("../../\u{202e}a.txt"), text)];
    let accepted = browser.post_form(&path, &fields).await;
    let second_upload = browser.upload(&path, "a.txt", b"tides").await;
    assert_eq!(accepted.json()["file_name"], json!("a.txt"));
    assert_eq!(second_upload.status_and_code(), (429, "too_many_files".to_owned()));
    assert_eq!(second_upload.header("retry-after"), "5");
}

#[tokio::test]
async fn a_body_of_ten_gigabytes_is_rejected_early() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let path = files_path(&browser.start_conversation().await);

    let with_length = send_until_response(&browser, &path, "Content-Length: 10737418240").await;
    let without_length = send_until_response(&browser, &path, "Transfer-Encoding: chunked").await;

    for (megabytes, response) in [with_length, without_length] {
        assert!(megabytes < 64, "{megabytes} MB were accepted");
        assert!(response.starts_with("HTTP/1.1 413 "), "{response}");
    }
}

/// Sends an endless file until the server responds. Returns the megabytes sent and the response.
async fn send_until_response(
    browser: &Browser,
    path: &str,
    length_header: &str,
) -> (usize, String) {
    let host = browser.base().socket_addrs(|| None).unwrap()[0];
    let (mut reader, mut writer) = TcpStream::connect(host).await.unwrap().into_split();
    let cookie = browser.cookie();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n{length_header}\r\n\
         Content-Type: multipart/form-data; boundary=edge\r\n\r\n"
    );
    let part =
        "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n";
    let part = format!("{part}{}", " ".repeat(1024 * 1024 - part.len()));
    let chunk =
        if length_header.contains("chunked") { format!("100000\r\n{part}\r\n") } else { part };
    writer.write_all(head.as_bytes()).await.unwrap();
    let mut megabytes = 0;
    let send_body = async {
        while writer.write_all(chunk.as_bytes()).await.is_ok() {
            megabytes += 1;
        }
        std::future::pending::<()>().await;
    };
    let mut start = [0; 64];
    let read = tokio::select! {
        read = reader.read(&mut start) => read.unwrap(),
        () = send_body => 0,
        () = sleep(TIMEOUT) => 0,
    };
    (megabytes, String::from_utf8_lossy(&start[..read]).into_owned())
}

#[tokio::test]
async fn another_users_file_is_not_found() {
    let server = TestServer::start().await;
    let (owner, other) = (server.browser(), server.browser());
    let id = owner.start_conversation().await;
    let other_id = other.start_conversation().await;
    let _answer = server.model.next_answer();
    let job_path = upload(&owner, &id, "tides").await;
    let through_own_conversation = job_path.replace(&id, &other_id);

    for path in [&job_path, &through_own_conversation] {
        assert_eq!(other.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(other.delete(path).await.status, StatusCode::NOT_FOUND, "{path}");
        let retried = other.post(&format!("{path}/retry")).await;
        assert_eq!(retried.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(owner.get(&job_path).await.json()["status"], json!("running"));
}

#[tokio::test]
async fn the_flask_upload_waits_for_the_analysis() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let script_analysis = |text: &str| {
        let answer = server.model.next_answer();
        answer.send(text);
        answer.finish();
    };

    script_analysis("It is about tides.");
    let first = browser.upload("/upload_file", "tides.md", b"# Tides").await;
    script_analysis("It is about ebb.");
    let second = browser.upload("/upload_file", "ebb.json", b"{}").await;
    let unsupported = browser.upload("/upload_file", "tides.pdf", b"%PDF").await;
    let lists = browser.get("/list_conversations").await.json();

    let message = "File was uploaded and analyzed successfully.";
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(first.json(), json!({"message": message, "analysis": "It is about tides."}));
    assert_eq!(second.json()["analysis"], json!("It is about ebb."));
    assert_eq!(unsupported.status, StatusCode::BAD_REQUEST);
    assert_eq!(unsupported.json()["message"], json!("Unsupported file type."));
    let listed = lists["conversations"].as_array().unwrap();
    assert_eq!(listed.len(), 1, "the uploads have different conversations");
    let id = listed[0]["conversation_id"].as_str().unwrap();
    assert_eq!(contents(&browser, id).await.len(), 4);
}

/// Posts a form with these part headers and this content.
async fn post_part(browser: &Browser, path: &str, headers: &[u8], content: &[u8]) -> Response {
    let end = b"\r\n--X=b--\r\nafter";
    let body = [b"before\r\n--X=b \r\n", headers, b"\r\n\r\n", content, end].concat();
    let request = browser.request(Method::POST, path);
    let request = request.header(CONTENT_TYPE, "Multipart/Form-Data; Boundary=X=b");
    browser.send(request.body(body)).await
}

#[tokio::test]
async fn the_names_and_encodings_of_all_clients_are_decoded() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let utf16 = [0xff, 0xfe, b't', 0, 0xe4, 0];
    let file = |rest: &[u8]| [b"Content-Disposition: form-data; name=file; ", rest].concat();

    for (headers, content, name, text) in [
        (
            file(b"filename=\"=?utf-8?B?5aCx5ZGKLnR4dA==?=\"; filename*=utf-8''%E5%A0%B1%E5%91%8A.txt"),
            b"tide".as_slice(),
            "報告.txt",
            "tide",
        ),
        (file(b"filename=\"=?utf-8?B?5aCx?=\r\n =?utf-8?B?5ZGKLnR4dA==?=\""), b"tide", "報告.txt", "tide"),
        (file(b"filename=\"C:\\tides\\\xfcber.TXT\""), b"tide", "über.TXT", "tide"),
        (file(b"filename=a.txt\r\nContent-Length: 1"), b"tide", "a.txt", "tide"),
        (file(b"filename=a.txt\r\nContent-Type: text/plain; charset=iso-8859-1"), b"t\xe4", "a.txt", "tä"),
        (file(b"filename=a.txt\r\nContent-Type: text/plain"), &utf16, "a.txt", "tä"),
        (file(b"filename=a.txt"), b"t\0i\0d\0e\0", "a.txt", "tide"),
    ] {
        let analysed = post_part(&browser, "/upload_file", &headers, content).await;
        let json = analysed.json();
        let analysis = json["analysis"].as_str().unwrap_or_else(|| panic!("{analysed:?}"));
        assert!(analysis.contains(&format!("\"{name}\":\n\n{text}")), "{analysis}");
    }
    for (headers, reason) in [
        ("Content-Transfer-Encoding: base64", "Content-Transfer-Encoding"),
        ("Content-Type: multipart/mixed; boundary=x", "one file"),
    ] {
        let headers = file(format!("filename=a.txt\r\n{headers}").as_bytes());
        for path in ["/upload_file", "/api/v1/imports"] {
            let rejected = post_part(&browser, path, &headers, b"dGlkZQ==").await;
            assert_eq!(rejected.status_and_code(), (400, "invalid_request".to_owned()));
            assert!(rejected.text.contains(reason), "{rejected:?}");
        }
    }
}
