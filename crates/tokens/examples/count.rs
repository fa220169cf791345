//! Counts the tokens of a file and splits it into chunks:
//! `cargo run -p webchat-tokens --example count -- README.md 200`
#![expect(clippy::print_stdout, reason = "the example prints its result")]

use std::error::Error;

use webchat_tokens::{TokenCounter, chunks};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("usage: count FILE [LIMIT]")?;
    let limit: u32 = arguments.next().map_or(Ok(1_000), |limit| limit.parse())?;
    let text = std::fs::read_to_string(&file)?;

    let counter = TokenCounter::for_model("gpt-4o");
    println!("{file}: {} tokens", counter.count(&text));
    for (number, chunk) in (1..).zip(chunks(&text, limit, counter)) {
        let first_line = chunk.trim_start().lines().next().unwrap_or_default();
        println!("{number}. {} tokens: {first_line}", counter.count(chunk));
    }
    Ok(())
}
