//! The pages and their assets.

use reqwest::Method;
use webchat_tests::{Process, ScriptedModel, TestServer, WEB_ASSET, socket_io_path};

#[tokio::test]
async fn the_page_is_not_cached_and_sets_the_session_cookie() {
    let server = TestServer::start().await;
    let browser = server.browser();

    for path in ["/", "/c/0190a000-0000-7000-8000-000000000000", "/c/none"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, 200);
        assert_eq!(
            page.header("cache-control"),
            "private, no-store",
            "a page that sets a cookie was cacheable"
        );
        assert!(page.header("content-type").starts_with("text/html"));
        assert!(page.text.contains("<title>Webchat</title>"));
        let cookie = page.header("set-cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        assert!(!cookie.contains("Secure"), "{cookie}");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("script-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        for directive in ["frame-ancestors 'none'", "object-src 'none'", "form-action 'none'"] {
            assert!(policy.contains(directive), "{policy}");
        }
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn the_embedded_page_is_served_from_any_directory() {
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let server = Process::start(dir.path(), &[("AZURE_API_URL", model.url())]).await;
    let browser = server.browser();
    let get = async |path: &str, name: &str, value: &str| {
        browser.send(browser.request(Method::GET, path).header(name, value)).await
    };

    let page = browser.get("/").await;
    let (_, script) = page.text.split_once("src=\"./assets/").unwrap();
    let script = format!("/assets/{}", script.split('"').next().unwrap());
    let plain = browser.get(&script).await;
    let compressed = get(&script, "accept-encoding", "gzip, br").await;
    let revalidated = get(&script, "if-none-match", plain.header("etag")).await;
    let icon = browser.get("/favicon.svg").await;
    let missing = browser.get("/assets/none.js").await;
    let outside = browser.get("/assets/..%2f..%2fpackage.json").await;
    let posted = browser.send(browser.request(Method::POST, &script)).await;

    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
    assert_eq!(
        page.header("cache-control"),
        "private, no-store",
        "a page that sets a cookie was cacheable"
    );
    assert!(plain.header("content-type").starts_with("text/javascript"), "{plain:?}");
    assert!(plain.header("cache-control").contains("immutable"));
    assert_eq!(
        (compressed.header("content-encoding"), compressed.header("vary")),
        ("br", "accept-encoding")
    );
    assert_ne!(compressed.header("etag"), plain.header("etag"));
    assert_eq!((revalidated.status.as_u16(), revalidated.text.as_str()), (304, ""));
    assert_eq!(
        (icon.header("content-type"), icon.header("cache-control")),
        ("image/svg+xml", "no-cache")
    );
    assert_eq!((missing.status.as_u16(), outside.status.as_u16()), (404, 404));
    assert_eq!(posted.status, 405);
    assert!(browser.get("/api/docs").await.text.contains("<html"));
}

#[tokio::test]
async fn an_unknown_path_is_html_for_browsers_and_json_for_api_clients() {
    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let server = Process::start(dir.path(), &[("AZURE_API_URL", model.url())]).await;
    let browser = server.browser();
    let get = async |method: Method, path: &str, accept: &str| {
        browser.send(browser.request(method, path).header("accept", accept)).await
    };

    for path in ["/nonsense", "/assets/none.js", "/api/v1/nonsense"] {
        let page = get(Method::GET, path, BROWSER).await;
        let json = get(Method::GET, path, "*/*").await;
        let posted = get(Method::POST, path, BROWSER).await;

        assert_eq!((page.status.as_u16(), json.status.as_u16()), (404, 404), "{path}");
        assert!(page.header("content-type").starts_with("text/html"), "{path}: {page:?}");
        assert!(page.text.contains("<h1>Page not found</h1>"), "{path}: {page:?}");
        assert!(page.text.contains("<base href=\"/\""), "{path}: {page:?}");
        assert!(page.header("content-security-policy").contains("script-src 'self';"), "{path}");
        assert_eq!(json.json()["code"], "not_found", "{path}");
        assert!(posted.header("content-type").starts_with("application/json"), "{path}");
    }
}

#[tokio::test]
async fn the_server_does_not_start_without_its_page() {
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let web = dir.path().to_str().unwrap();

    let output =
        Process::run_until_exit(dir.path(), &[("AZURE_API_URL", model.url()), ("WEB_DIR", web)])
            .await;

    assert!(!output.success);
    assert!(output.stderr.contains("has no index.html"), "{}", output.stderr);
}

#[tokio::test]
async fn the_docs_page_needs_no_session() {
    let server = TestServer::start().await;

    let page = server.browser().get("/api/docs").await;

    assert!(page.text.contains("<title>The API</title>"), "{page:?}");
    assert_eq!((page.header("cache-control"), page.header("set-cookie")), ("no-cache", ""));
    assert!(page.header("content-security-policy").contains("script-src 'self';"));
}

#[tokio::test]
async fn a_revalidated_page_that_sets_the_session_cookie_is_not_cached() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let etag = browser.get("/").await.header("etag").to_owned();

    let request = browser.request(Method::GET, "/").header("if-none-match", etag);
    let revalidated = browser.send(request).await;

    assert_eq!(revalidated.status, 304);
    assert_ne!(revalidated.header("set-cookie"), "");
    assert_eq!(revalidated.header("cache-control"), "private, no-store");
}

#[tokio::test]
async fn the_pages_and_health_endpoints_respond_to_head() {
    let server = TestServer::start().await;
    let browser = server.browser();

    for path in ["/", "/c/none", "/api/docs", "/admin", "/healthz", "/readyz"] {
        let head = browser.send(browser.request(Method::HEAD, path)).await;
        assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""), "{path}");
    }
}

#[tokio::test]
async fn responses_with_user_data_are_not_cached() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;

    for path in [
        "/list_conversations",
        &format!("/load_conversation/{id}"),
        "/search_conversations?q=tides",
        "/saved_conversations/none.json",
        "/api/v1/conversations",
        &format!("/api/v1/conversations/{id}/export"),
    ] {
        let response = browser.get(path).await;
        assert_eq!(response.header("cache-control"), "private, no-store", "{path}");
    }
}

#[tokio::test]
async fn behind_https_the_cookie_is_secure_and_bound_to_the_host() {
    let server = TestServer::with_settings(&[("PUBLIC_URL", "https://chat.example")]).await;

    let page = server.browser().get("/").await;

    let cookie = page.header("set-cookie");
    assert!(cookie.starts_with("__Host-webchat_session="), "{cookie}");
    assert!(cookie.contains("Secure") && cookie.contains("Path=/"), "{cookie}");
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert_eq!(page.header("strict-transport-security"), "max-age=31536000");
}

#[tokio::test]
async fn a_session_continues_when_the_server_moves_behind_https() {
    const KEY: (&str, &str) = ("SECRET_KEY", "0123456789abcdef0123456789abcdef");
    let dir = tempfile::tempdir().unwrap();
    let model = ("AZURE_API_URL", "http://127.0.0.1:9/v1/chat/completions");
    let server = Process::start(dir.path(), &[model, KEY]).await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let port = browser.base().port().unwrap().to_string();
    server.kill().await;
    let settings = [model, KEY, ("PORT", &port), ("PUBLIC_URL", "https://chat.example")];
    let _server = Process::start(dir.path(), &settings).await;

    let list = browser.get("/list_conversations").await.json();
    let opened = browser.get(&socket_io_path("polling", None)).await;

    assert_eq!(list["conversations"][0]["conversation_id"], id.as_str());
    let cookies = opened.headers.get_all("set-cookie").iter();
    let cookies: Vec<_> = cookies.map(|cookie| cookie.to_str().unwrap()).collect();
    let [new, old] = cookies[..] else { panic!("{cookies:?}") };
    assert!(new.starts_with("__Host-webchat_session="), "{new}");
    assert!(old.starts_with("webchat_session=;") && old.contains("Max-Age=0"), "{old}");
}

#[tokio::test]
async fn assets_are_immutable_and_compressed_if_accepted() {
    let server = TestServer::start().await;
    let browser = server.browser();

    for (accepted, encoding, text) in
        [("br, gzip", "br", "brotli"), ("gzip", "gzip", "gzip"), ("identity", "", "plain")]
    {
        let request = browser.request(Method::GET, WEB_ASSET).header("accept-encoding", accepted);
        let asset = browser.send(request).await;
        assert_eq!((asset.header("content-encoding"), asset.text.as_str()), (encoding, text));
        assert!(asset.header("cache-control").contains("immutable"));
        assert!(asset.header("content-type").starts_with("text/javascript"), "{asset:?}");
        assert!(asset.header("vary").to_lowercase().contains("accept-encoding"));
        assert_eq!(asset.header("set-cookie"), "");
    }
}

#[tokio::test]
async fn a_missing_asset_is_not_cached() {
    let server = TestServer::start().await;

    let missing = server.browser().get("/assets/old-build.js").await;

    assert_eq!(missing.status_and_code(), (404, "not_found".to_owned()));
    assert_eq!(missing.header("cache-control"), "private, no-store");
}

#[tokio::test]
async fn no_file_outside_the_page_dir_is_served() {
    let server = TestServer::start().await;
    let browser = server.browser();

    for path in [
        "/../data/webchat.db",
        "/..%2fdata%2fwebchat.db",
        "/%2e%2e/data/secret_key",
        "/assets/..%2f..%2fdata/secret_key",
        "/assets/%5c..%5cdata",
        "//data/secret_key",
        "/data/secret_key",
    ] {
        let response = browser.get_raw(path).await;
        assert!(response.starts_with("HTTP/1.1 40"), "{path}: {response}");
    }
}
