//! Tests of the example files and the documentation's table, which are generated from the declarations.

use std::collections::BTreeSet;

use config::ValueKind;

use super::super::declaration::Setting;
use super::super::sections::settings;
use super::*;

#[test]
fn the_example_files_match_the_declarations() {
    let env = include_str!("../../../../../.env.example");
    let toml = include_str!("../../../../../webchat.example.toml");

    // To update them: `webchat config example`, with `--format env` for `.env.example`.
    assert_eq!(SettingsFormat::Env.render(), env);
    assert_eq!(SettingsFormat::Toml.render(), toml);
}

#[test]
fn the_table_in_the_documentation_matches_the_declarations() {
    let page = include_str!("../../../../../docs/configuration.md");

    // To update it: `webchat config example --format markdown`.
    assert!(page.contains(&SettingsFormat::Markdown.render()));
}

/// Whether a commented line sets a key to a value, and is not documentation.
fn sets_a_key(line: &str) -> bool {
    let value = line.split_once(" = ").map(|(_, value)| value);
    !line.starts_with(' ') && value.is_some_and(|value| !value.starts_with('#'))
}

#[test]
fn the_examples_contain_the_defaults() {
    let by_default = read_values(&with_file(""));
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let env = SettingsFormat::Env.render();
    let variables = env.lines().filter_map(|line| line.strip_prefix('#')?.split_once('='));
    let variables = variables.filter(|(name, _)| is_name(name)).chain([URL]);
    let toml = SettingsFormat::Toml.render();
    let keys = toml
        .lines()
        .map(|line| line.strip_prefix('#').filter(|line| sets_a_key(line)).unwrap_or(line));
    let keys: String = keys.flat_map(|line| [line, "\n"]).collect();

    let from_variables = read_values(&variables.collect());
    let from_file = read_values(&with_file(&keys));

    assert!(keys.contains("\nport = 8080"), "{keys}");
    assert_eq!(from_variables, by_default);
    assert_eq!(from_file, by_default);
}

#[test]
fn each_default_is_valid() {
    for setting in settings() {
        // A default that its kind can't parse counts as none.
        let is_parsed = setting.default_value() != ValueKind::Nil;
        assert_eq!(is_parsed, setting.default.is_some(), "{}", setting.variable);
    }
}

#[test]
fn paths_and_variables_are_unique() {
    let paths: BTreeSet<String> = settings().map(Setting::path).collect();
    let variables: BTreeSet<&str> = settings().map(|setting| setting.variable).collect();

    assert_eq!((paths.len(), variables.len()), (settings().count(), settings().count()));
}
