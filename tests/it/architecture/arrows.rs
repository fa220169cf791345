//! Which crate may depend on which: the arrows of docs/architecture.md, and no others.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// A crate and the workspace crates that it may depend on. The binary and the tests may use all of them.
const ARROWS: [(&str, &[&str]); 9] = [
    ("webchat-domain", &[]),
    ("webchat-tokens", &["webchat-domain"]),
    ("webchat-llm", &["webchat-domain"]),
    ("webchat-persistence", &["webchat-domain"]),
    ("webchat-persistence-mongo", &["webchat-domain", "webchat-persistence"]),
    ("webchat-persistence-redis", &["webchat-domain", "webchat-persistence"]),
    ("webchat-persistence-sqlite", &["webchat-domain", "webchat-persistence"]),
    ("webchat-chat", &["webchat-domain", "webchat-llm", "webchat-persistence", "webchat-tokens"]),
    ("webchat-transport", &["webchat-chat", "webchat-domain"]),
];

/// Libraries that only these crates may use. A name covers its hyphenated extensions.
const RESTRICTED_LIBRARIES: [(&str, &[&str]); 8] = [
    ("actix", &["webchat-transport"]),
    ("deadpool", &["webchat-persistence-redis", "webchat-persistence-sqlite"]),
    ("engineioxide", &["webchat-transport"]),
    ("mongodb", &["webchat-persistence-mongo"]),
    ("redis", &["webchat-persistence-redis"]),
    ("reqwest", &["webchat-llm"]),
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
            let normal =
                package.dependencies.iter().filter(|one| one.kind == DependencyKind::Normal);
            (package.name.to_string(), normal.map(|one| one.name.clone()).collect())
        })
        .collect()
}

#[test]
fn crate_dependencies_are_those_of_the_architecture() {
    let dependencies = dependencies();
    let ours: BTreeMap<&str, BTreeSet<&str>> = dependencies
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "webchat" | "webchat-tests"))
        .map(|(name, used)| {
            let used = used.iter().map(String::as_str);
            (name.as_str(), used.filter(|one| one.starts_with("webchat")).collect())
        })
        .collect();

    let allowed = ARROWS.iter().map(|(name, used)| (*name, used.iter().copied().collect()));
    assert_eq!(ours, allowed.collect());
}

#[test]
fn a_library_is_used_only_by_its_crates() {
    for (name, used) in dependencies() {
        for (library, users) in RESTRICTED_LIBRARIES {
            let uses = used.iter().any(|one| one.split('-').next() == Some(library));
            let may = users.contains(&name.as_str()) || name == "webchat-tests";
            assert!(!uses || may, "{name} uses {library}, which only {users:?} may use");
        }
    }
}
