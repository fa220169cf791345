//! The erasure of accounts: by an administrator, by the users themselves and on the command line.

mod canaries;
mod requests;
mod slow_bodies;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use webchat_tests::{Browser, Response, TIMEOUT};

/// Requests the erasure of the user whose browser this is.
async fn erase_me(browser: &Browser, body: Value) -> Response {
    browser.send(browser.request(Method::POST, "/api/v1/me/erasure").json(&body)).await
}

async fn erase(admin: &Browser, user_id: &str) -> Response {
    admin.delete(&format!("/api/v1/admin/users/{user_id}")).await
}

async fn user_id(admin: &Browser, name: &str) -> String {
    let list = admin.get(&format!("/api/v1/admin/users?search={name}")).await.json();
    list["users"][0]["user_id"].as_str().unwrap().to_owned()
}

/// Waits until the erasure is complete. Returns its receipt.
async fn receipt(admin: &Browser, erasure: &Value) -> Value {
    let path = format!("/api/v1/admin/erasures/{}", erasure["erasure_id"].as_str().unwrap());
    let wait = async {
        loop {
            let receipt = admin.get(&path).await;
            assert_eq!(receipt.status, 200, "{}", receipt.text);
            if receipt.json()["completed_at"] != json!(null) {
                return receipt.json();
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(TIMEOUT * 3, wait).await.unwrap()
}
