//! `docs/limits.md` agrees with the settings and the source.

use std::fs;

use super::layout::root;

/// A row of the tables in `docs/limits.md`.
struct Row {
    limit: String,
    value: String,
    source: String,
    outcome: String,
}

fn read(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn rows() -> Vec<Row> {
    let page = read("docs/limits.md");
    let lines = page.lines().filter(|line| line.starts_with("| "));
    let cells = lines.map(|line| line.trim_matches('|').split(" | ").map(str::trim));
    let rows = cells.map(|cells| cells.map(str::to_owned).collect::<Vec<_>>());
    rows.filter(|cells| !matches!(cells[0].as_str(), "limit" | "---"))
        .map(|cells| {
            let [limit, value, source, outcome] = cells.try_into().unwrap();
            Row { limit, value, source, outcome }
        })
        .collect()
}

/// Returns the texts between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Parses a size in bytes or a duration in milliseconds.
fn parse_quantity(value: &str) -> u64 {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    let unit = value.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
    let factor = match unit {
        "" | "bytes" | "ms" => 1,
        "KiB" => 1024,
        "MiB" => 1024 * 1024,
        "s" => 1_000,
        "min" => 60 * 1_000,
        "days" => 24 * 60 * 60 * 1_000,
        other => panic!("unknown unit: {other}"),
    };
    digits.parse::<u64>().unwrap() * factor
}

/// Evaluates a constant: a number, a duration, or a product or quotient of numbers and constants in its file.
fn constant(text: &str, name: &str) -> u64 {
    let definition = format!("const {name}: ");
    let (_, rest) = text.split_once(&definition).unwrap_or_else(|| panic!("no constant {name}"));
    let expression = rest.split_once(" = ").unwrap().1.split_once(';').unwrap().0;
    evaluate(text, expression)
}

fn evaluate(text: &str, expression: &str) -> u64 {
    if let Some(duration) = expression.strip_prefix("Duration::from_") {
        let (unit, number) = duration.trim_end_matches(')').split_once('(').unwrap();
        let factor = match unit {
            "millis" => 1,
            "secs" => 1_000,
            "mins" => 60 * 1_000,
            "hours" => 60 * 60 * 1_000,
            other => panic!("unknown unit: {other}"),
        };
        return evaluate(text, number) * factor;
    }
    if let Some((rest, last)) = expression.rsplit_once(" * ") {
        return evaluate(text, rest) * evaluate(text, last);
    }
    if let Some((rest, last)) = expression.rsplit_once(" / ") {
        return evaluate(text, rest) / evaluate(text, last);
    }
    let number = expression.replace('_', "").parse();
    number.unwrap_or_else(|_| constant(text, expression))
}

/// Returns the default of a setting, without its unit.
fn default_of(setting: &str) -> u64 {
    let example = read(".env.example");
    let prefix = format!("#{setting}=");
    let default = example.lines().find_map(|line| line.strip_prefix(&prefix));
    let default = default.unwrap_or_else(|| panic!("no setting {setting}"));
    default.trim_end_matches(".0").parse().unwrap()
}

#[test]
fn each_documented_limit_equals_its_setting_or_constant() {
    for Row { limit, value, source, .. } in rows() {
        match quoted(&source)[..] {
            [setting] => {
                let number = value.trim_end_matches(|c: char| !c.is_ascii_digit());
                assert_eq!(parse_quantity(number), default_of(setting), "{limit}");
            }
            [name, path] => {
                let is_complete = path.starts_with("bin/");
                let path = if is_complete { path.to_owned() } else { format!("crates/{path}") };
                assert_eq!(parse_quantity(&value), constant(&read(&path), name), "{limit}");
            }
            _ => panic!("{limit}: neither a setting nor a constant: {source}"),
        }
    }
}

#[test]
fn each_setting_that_is_a_limit_is_documented() {
    let rows = rows();
    let example = read(".env.example");
    let names = example
        .lines()
        .filter_map(|line| line.strip_prefix('#')?.split_once('='))
        .map(|(name, _)| name);
    let is_limit = |name: &&str| {
        !name.contains(' ')
            && (["MAX_", "_PER_", "DAILY_"].iter().any(|part| name.contains(part))
                || name.ends_with("_DAYS"))
            && *name != "MAX_TOKENS"
    };
    for name in names.filter(is_limit) {
        assert!(rows.iter().any(|row| quoted(&row.source) == [name]), "docs/limits.md: {name}");
    }
}

#[test]
fn each_error_code_is_documented() {
    let protocol = read("docs/protocol.md");
    let codes = rows();
    let codes = codes.iter().flat_map(|row| quoted(&row.outcome));
    let codes = codes.filter(|code| !matches!(*code, "truncated" | "next_before" | "others"));
    for code in codes {
        assert!(protocol.contains(&format!("| `{code}` |")), "docs/protocol.md: {code}");
    }
}
