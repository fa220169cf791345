//! The description of the API.

use std::collections::BTreeSet;

use serde_json::Value;
use webchat_tests::TestServer;

use crate::isolation;

/// What is no part of the API: the pages, and what another program than a client asks for.
const NOT_DESCRIBED: [&str; 3] = ["GET /", "GET /metrics", "GET /api/docs"];

fn document() -> Value {
    serde_json::from_str(&webchat_transport::openapi().unwrap()).unwrap()
}

#[test]
fn the_document_is_the_one_in_docs() {
    let is = webchat_transport::openapi().unwrap();

    let in_docs = include_str!("../../docs/openapi.json");

    assert!(is == in_docs, "the API has changed: cargo run -- openapi > docs/openapi.json");
}

#[tokio::test]
async fn the_document_is_served() {
    let server = TestServer::start().await;

    let answer = server.browser().get("/api/openapi.json").await;

    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.json(), document());
    assert_eq!(answer.json()["openapi"], "3.1.0");
}

/// Whoever adds a route annotates its handler with `utoipa::path` and names it in its `ApiDoc`.
#[test]
fn every_route_is_described() {
    let routes: BTreeSet<String> =
        isolation::routes().filter(|route| !NOT_DESCRIBED.contains(&route.as_str())).collect();

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
    assert!(missing.is_empty(), "not in the document: {missing:?}");
    assert!(unknown.is_empty(), "in the document, and in no table of isolation.rs: {unknown:?}");
}
