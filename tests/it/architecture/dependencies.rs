//! The crates depend only on the crates and libraries that docs/architecture.md allows.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Each crate and the workspace crates that it depends on. The binary and the tests may depend on all of them.
const CRATE_DEPENDENCIES: [(&str, &[&str]); 10] = [
    ("webchat-domain", &[]),
    ("webchat-tokens", &["webchat-domain"]),
    ("webchat-llm", &["webchat-domain"]),
    ("webchat-oidc", &["webchat-domain"]),
    ("webchat-persistence", &["webchat-domain"]),
    ("webchat-persistence-mongo", &["webchat-domain", "webchat-persistence"]),
    ("webchat-persistence-redis", &["webchat-domain", "webchat-persistence"]),
    ("webchat-persistence-sqlite", &["webchat-domain", "webchat-persistence"]),
    (
        "webchat-chat",
        &["webchat-domain", "webchat-llm", "webchat-oidc", "webchat-persistence", "webchat-tokens"],
    ),
    ("webchat-transport", &["webchat-chat", "webchat-domain"]),
];

/// Each restricted library and the crates that may use it. A name also stands for the libraries whose names add a
/// suffix with a hyphen.
const RESTRICTED_LIBRARIES: [(&str, &[&str]); 10] = [
    ("actix", &["webchat-transport"]),
    ("deadpool", &["webchat-persistence-redis"]),
    ("engineioxide", &["webchat-transport"]),
    ("mongodb", &["webchat-persistence-mongo"]),
    ("opentelemetry", &["webchat"]),
    ("openidconnect", &["webchat-oidc"]),
    ("redis", &["webchat-persistence-redis"]),
    ("reqwest", &["webchat-llm", "webchat-oidc"]),
    ("rusqlite", &["webchat-persistence-sqlite"]),
    ("socketioxide", &["webchat-transport"]),
];

fn metadata() -> Metadata {
    MetadataCommand::new().no_deps().exec().unwrap()
}

/// The normal dependencies of each crate.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let packages = metadata().packages.into_iter();
    packages
        .map(|package| {
            let normal = package
                .dependencies
                .iter()
                .filter(|dependency| dependency.kind == DependencyKind::Normal);
            let names = normal.map(|dependency| dependency.name.clone()).collect();
            (package.name.to_string(), names)
        })
        .collect()
}

#[test]
fn crates_depend_only_on_the_crates_that_the_architecture_allows() {
    let dependencies = dependencies();
    let actual: BTreeMap<&str, BTreeSet<&str>> = dependencies
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "webchat" | "webchat-tests"))
        .map(|(name, used)| {
            let used = used.iter().map(String::as_str);
            (name.as_str(), used.filter(|used| used.starts_with("webchat")).collect())
        })
        .collect();

    let expected =
        CRATE_DEPENDENCIES.iter().map(|(name, used)| (*name, used.iter().copied().collect()));
    assert_eq!(actual, expected.collect());
}

#[test]
fn a_restricted_library_is_used_only_by_allowed_crates() {
    for (name, used) in dependencies() {
        for (library, allowed_crates) in RESTRICTED_LIBRARIES {
            let is_used = used.iter().any(|used| used.split('-').next() == Some(library));
            let is_allowed = allowed_crates.contains(&name.as_str()) || name == "webchat-tests";
            assert!(
                !is_used || is_allowed,
                "{name} uses {library}, which only {allowed_crates:?} may use"
            );
        }
    }
}
