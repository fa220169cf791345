//! Counts the tokens of a file, and cuts it into chunks that fit:
//! `cargo run -p webchat-tokens --example count -- README.md 200`
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::error::Error;

use webchat_tokens::{TokenCounter, chunks};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("give a text file")?;
    let most: u32 = arguments.next().map_or(Ok(1_000), |most| most.parse())?;
    let text = std::fs::read_to_string(&file)?;

    let counter = TokenCounter::for_model("gpt-4o");
    println!("{file}: {} tokens", counter.count(&text));
    for (number, chunk) in (1..).zip(chunks(&text, most, counter)) {
        let first_line = chunk.trim_start().lines().next().unwrap_or_default();
        println!("{number}. {} tokens: {first_line}", counter.count(chunk));
    }
    Ok(())
}
