//! Requests that import conversations.

use std::time::Duration;

use reqwest::{Body, Method};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Browser, Response};

impl Browser {
    /// Posts a file to import.
    pub async fn post_import(&self, file: impl Into<Body>) -> Response {
        self.send(self.request(Method::POST, "/api/v1/imports").body(file)).await
    }

    /// Waits until the import has ended. Returns its final status.
    pub async fn wait_for_import(&self, import: &Value) -> Value {
        let path = format!("/api/v1/imports/{}", import["import_id"].as_str().unwrap());
        loop {
            let status = self.get(&path).await.json();
            if status["status"] != json!("running") {
                return status;
            }
            // Stay below the user's request limit.
            sleep(Duration::from_millis(25)).await;
        }
    }

    /// Imports a file. Returns the final status of the import.
    pub async fn import(&self, file: impl Into<Body>) -> Value {
        let started = self.post_import(file).await;
        assert_eq!(started.status, 202, "{started:?}");
        self.wait_for_import(&started.json()).await
    }
}
