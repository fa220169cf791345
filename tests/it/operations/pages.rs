//! The pages and their assets.

use reqwest::Method;
use webchat_tests::{TestServer, WEB_ASSET};

#[tokio::test]
async fn the_page_is_revalidated_and_starts_a_session() {
    let server = TestServer::start().await;
    let browser = server.browser();

    for path in ["/", "/c/0190a000-0000-7000-8000-000000000000", "/c/none"] {
        let page = browser.get(path).await;
        assert_eq!((page.status.as_u16(), page.header("cache-control")), (200, "no-cache"));
        assert!(page.header("content-type").starts_with("text/html"));
        assert!(page.text.contains("<title>Webchat</title>"));
        let cookie = page.header("set-cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        assert!(!cookie.contains("Secure"), "{cookie}");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("script-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
    }
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
async fn behind_https_the_cookie_is_secure() {
    let server = TestServer::with_settings(&[("PUBLIC_URL", "https://chat.example")]).await;

    let page = server.browser().get("/").await;

    assert!(page.header("set-cookie").contains("Secure"));
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
    assert_eq!(missing.header("cache-control"), "");
}

#[tokio::test]
async fn no_file_outside_the_page_folder_is_served() {
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
