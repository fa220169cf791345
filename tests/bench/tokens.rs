//! The speed of counting tokens, compared with OpenAI's `tiktoken` for Python on the same text.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use cargo_metadata::MetadataCommand;
use serde::Deserialize;
use webchat_tokens::TokenCounter;

use crate::support::report::{BenchContext, Row, results_dir};
use crate::support::samples::Samples;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The output of `scripts/count_tokens.py`.
#[derive(Deserialize)]
struct CountResult {
    tokens: u32,
    seconds: f64,
}

pub(crate) async fn measure(bench: BenchContext) {
    let text = text(bench.full_or_quick(5_000_000, 200_000));
    let size = format!("{} kB", text.len() / 1_000);
    let path = results_dir().join("text.txt");
    fs::write(&path, &text).unwrap();

    let counter = TokenCounter::default();
    let mut tokens = 0;
    let samples = Samples::take(5, async || tokens = counter.count(&text)).await;
    let webchat = CountResult { tokens, seconds: samples.percentile_ms(50) / 1_000.0 };
    bench.add(row(format!("Webchat, {size}"), &webchat));

    let case = format!("tiktoken for Python, {size}");
    bench.add(match count_in_python(&path) {
        Ok(python) => row(case, &python),
        Err(error) => Row::new(case).note(format!("failed: {error}")),
    });
}

fn row(case: String, result: &CountResult) -> Row {
    let tokens = f64::from(result.tokens);
    Row::new(case)
        .figure("rate", tokens / result.seconds, "/s")
        .figure("tokens", tokens, "")
        .note("median of 5")
}

/// Concatenates files of this repository to a text of this length, and repeats them if necessary.
fn text(bytes: usize) -> String {
    let patterns = ["*.md", "*.rs", "*.ts", "*.py", "*.toml", "*.sql"];
    let output =
        Command::new("git").args(["ls-files", "--"]).args(patterns).current_dir(ROOT).output();
    let paths = String::from_utf8(output.unwrap().stdout).unwrap();
    let files: String =
        paths.lines().map(|path| fs::read_to_string(Path::new(ROOT).join(path)).unwrap()).collect();
    let mut text = files.repeat(bytes / files.len() + 1);
    text.truncate(text.floor_char_boundary(bytes));
    text
}

fn count_in_python(text: &Path) -> Result<CountResult, Box<dyn std::error::Error>> {
    let output = Command::new(Path::new(ROOT).join("scripts/count_tokens.py"))
        .args([&encoding_path()?, text])
        .output()?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(errors.lines().last().unwrap_or("no error output").into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The file with the encoding in Webchat's tokenizer crate. Without it, tiktoken for Python would download the
/// encoding.
fn encoding_path() -> Result<PathBuf, Box<dyn std::error::Error>> {
    let options = ["--locked", "--offline"].map(str::to_owned);
    let metadata = MetadataCommand::new().current_dir(ROOT).other_options(options).exec()?;
    let tiktoken = metadata.packages.iter().find(|package| *package.name == "tiktoken-rs");
    let tiktoken = tiktoken.ok_or_else(|| io::Error::other("tiktoken-rs is not a dependency"))?;
    Ok(tiktoken.manifest_path.with_file_name("assets/o200k_base.tiktoken").into())
}
