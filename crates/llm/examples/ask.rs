//! Streams an answer to the terminal:
//! `cargo run -p webchat-llm --example ask -- http://127.0.0.1:8080/v1/chat/completions "Why tides?"`
#![expect(clippy::print_stdout, reason = "the example prints its result")]

use std::error::Error;
use std::io::Write;

use futures_util::TryStreamExt;
use webchat_domain::ModelParameters;
use webchat_llm::{
    AnswerLimit, ChatMessage, ChatModel, ChatRequest, ChatRole, Delta, HttpChatModel, HttpSettings,
    filtered_answer_message,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("usage: ask URL [QUESTION]")?;
    let question = arguments.next().unwrap_or_else(|| "Who are you?".to_owned());

    let model = HttpChatModel::new(HttpSettings::new(url.parse()?))?;
    let mut answer = model
        .stream(ChatRequest {
            messages: vec![ChatMessage { role: ChatRole::User, content: question }],
            conversation_id: None,
            user_id: None,
            answer_limit: AnswerLimit::Tokens(400),
            parameters: ModelParameters::default(),
            stop: Vec::new(),
        })
        .await?;
    while let Some(delta) = answer.try_next().await? {
        match delta {
            // Reasoning is dim.
            Delta::Reasoning(text) => print!("\u{1b}[2m{text}\u{1b}[0m"),
            Delta::Text(text) => print!("{text}"),
            Delta::Filtered(categories) => println!("\n[{}]", filtered_answer_message(&categories)),
            Delta::Finished(reason) => println!("\n[{reason:?}]"),
            Delta::Usage(usage) => println!("[{usage:?}]"),
        }
        std::io::stdout().flush()?;
    }
    println!("[{}]", model.name().unwrap_or_default());
    Ok(())
}
