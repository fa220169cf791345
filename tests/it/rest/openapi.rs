//! The OpenAPI description.

use std::collections::BTreeSet;

use serde_json::Value;
use webchat_tests::TestServer;

use crate::security::isolation;

/// Routes that are not part of the API: the pages and the metrics.
const UNDOCUMENTED: [&str; 4] = ["GET /", "GET /metrics", "GET /api/docs", "GET /admin"];

fn document() -> Value {
    serde_json::from_str(&webchat_transport::openapi().unwrap()).unwrap()
}

#[test]
fn the_generated_openapi_document_equals_that_in_docs() {
    let generated = webchat_transport::openapi().unwrap();

    let in_docs = include_str!("../../../docs/openapi.json");

    assert!(generated == in_docs, "the API has changed: cargo run -- openapi > docs/openapi.json");
}

#[tokio::test]
async fn the_openapi_document_is_served() {
    let server = TestServer::start().await;

    let response = server.browser().get("/api/openapi.json").await;

    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!(response.json(), document());
    assert_eq!(response.json()["openapi"], "3.1.0");
}

/// To document a route, annotate its handler with `utoipa::path` and list it in its module's `OpenApi`.
#[test]
fn every_route_is_documented() {
    let routes: BTreeSet<String> =
        isolation::routes().filter(|route| !UNDOCUMENTED.contains(&route.as_str())).collect();

    let paths = document()["paths"].as_object().unwrap().clone();
    let described: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();

    let missing: Vec<_> = routes.difference(&described).collect();
    let unknown: Vec<_> = described.difference(&routes).collect();
    assert!(missing.is_empty(), "missing in the document: {missing:?}");
    assert!(unknown.is_empty(), "in the document but in no table of isolation.rs: {unknown:?}");
}
