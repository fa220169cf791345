use std::error::Error;
use std::io::Write;

use futures_util::TryStreamExt;
use reqwest::Client;
use reqwest::header::ACCEPT;
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("WEBCHAT_URL").unwrap_or("http://127.0.0.1:8080".to_owned());
    let client = Client::builder().cookie_store(true).build()?;

    let created = client.post(format!("{url}/api/v1/conversations")).send().await?;
    let conversation: Value = created.error_for_status()?.json().await?;
    let id = conversation["conversation_id"].as_str().unwrap_or_default();

    let answer = client
        .post(format!("{url}/api/v1/conversations/{id}/messages"))
        .header(ACCEPT, "text/event-stream")
        .json(&json!({"message": "Why are there two tides a day?"}))
        .send()
        .await?;
    let mut stream = answer.error_for_status()?.bytes_stream();
    let mut received = Vec::new();
    while let Some(bytes) = stream.try_next().await? {
        received.extend_from_slice(&bytes);
        // An event ends with an empty line.
        while let Some(end) = received.windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = received.drain(..end + 2).collect();
            print_event(&String::from_utf8(event)?)?;
        }
    }

    let found = client.get(format!("{url}/api/v1/search?q=tides")).send().await?;
    let found: Value = found.error_for_status()?.json().await?;
    for hit in found["hits"].as_array().into_iter().flatten() {
        println!("{} {}", hit["conversation_id"], hit["snippet"]);
    }
    Ok(())
}

fn print_event(event: &str) -> Result<(), Box<dyn Error>> {
    let field = |name| event.lines().find_map(|line| line.strip_prefix(name));
    let (Some(name), Some(data)) = (field("event: "), field("data: ")) else { return Ok(()) };
    let data: Value = serde_json::from_str(data)?;
    match name {
        "response_chunk" => print!("{}", data["chunk"].as_str().unwrap_or_default()),
        "error" => eprintln!("{}", data["message"]),
        "response_end" => println!("\n({})", data["finish_reason"]),
        _ => {}
    }
    Ok(std::io::stdout().flush()?)
}
