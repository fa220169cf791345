//! The modules of a crate form no import circle: if one file uses another, the other uses it neither
//! directly nor through further files. A file that only declares modules and re-exports what they define is
//! transparent: what others use through it, they use of the file that defines it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::MetadataCommand;
use tempfile::TempDir;

use super::uses::{Uses, uses_in};

/// Describes each circle: its files, and which names each of them uses of which other.
fn circles(uses: &Uses) -> Vec<String> {
    let mut found: BTreeMap<BTreeSet<&Path>, String> = BTreeMap::new();
    for ((user, used), names) in uses {
        let files = circle_through(uses, user);
        if files.contains(used.as_path()) {
            let names = names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let lines = found.entry(files).or_default();
            writeln!(lines, "  {} -> {}: {names}", user.display(), used.display()).unwrap();
        }
    }
    let described = found.into_iter();
    described
        .map(|(files, lines)| format!("{} files form a circle:\n{lines}", files.len()))
        .collect()
}

/// The files that `file` uses, directly or not, and that use `file`.
fn circle_through<'a>(uses: &'a Uses, file: &'a Path) -> BTreeSet<&'a Path> {
    let forward = || uses.keys().map(|(user, used)| (user.as_path(), used.as_path()));
    let after = reachable(file, &forward().collect::<Vec<_>>());
    let before = reachable(file, &forward().map(|(user, used)| (used, user)).collect::<Vec<_>>());
    before.intersection(&after).copied().collect()
}

fn reachable<'a>(from: &'a Path, edges: &[(&'a Path, &'a Path)]) -> BTreeSet<&'a Path> {
    let mut seen = BTreeSet::new();
    let mut pending = vec![from];
    while let Some(file) = pending.pop() {
        let next = edges.iter().filter(|(start, _)| *start == file).map(|(_, end)| *end);
        pending.extend(next.filter(|end| seen.insert(*end)));
    }
    seen
}

/// The circles of every crate (library, binary, test, benchmark and example) of the workspace at `root`.
fn circles_of_workspace(root: &Path) -> Vec<String> {
    let mut command = MetadataCommand::new();
    let metadata = command.manifest_path(root.join("Cargo.toml")).no_deps().exec().unwrap();
    let targets = metadata.packages.iter().flat_map(|package| &package.targets);
    targets
        .flat_map(|target| circles(&relative(uses_in(target.src_path.as_std_path()), root)))
        .collect()
}

fn relative(uses: Uses, root: &Path) -> Uses {
    let short = |file: PathBuf| file.strip_prefix(root).unwrap_or(&file).to_owned();
    uses.into_iter().map(|((user, used), names)| ((short(user), short(used)), names)).collect()
}

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn the_modules_of_a_crate_form_no_circle() {
    let circles = circles_of_workspace(&workspace_root());
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

/// A crate with these files: path and text.
fn crate_with(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let file = folder.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    folder
}

fn circles_with(files: &[(&str, &str)]) -> Vec<String> {
    let folder = crate_with(files);
    circles(&relative(uses_in(&folder.path().join("lib.rs")), folder.path()))
}

#[test]
fn a_circle_is_found_through_a_reexport_and_names_files_and_items() {
    let found = circles_with(&[
        ("lib.rs", "mod orders; mod billing; pub use billing::*;"),
        ("orders/mod.rs", "mod order; pub use order::Order;"),
        ("orders/order.rs", "pub struct Order { bill: crate::billing::Bill }"),
        ("billing.rs", "use crate::orders::{self}; pub struct Bill(Vec<orders::Order>);"),
    ]);
    assert_eq!(
        found,
        ["2 files form a circle:\n  billing.rs -> orders/order.rs: Order\n  \
          orders/order.rs -> billing.rs: Bill\n"]
    );
}

#[test]
fn a_module_with_items_forms_a_circle_with_the_children_that_use_them() {
    let found = circles_with(&[
        ("lib.rs", "mod file; pub struct Limits; fn open() { println!(\"{}\", file::open()); }"),
        ("file.rs", "use super::Limits as Most; pub fn open() -> Most { Most }"),
    ]);
    assert_eq!(
        found,
        ["2 files form a circle:\n  file.rs -> lib.rs: Limits\n  lib.rs -> file.rs: open\n"]
    );
}

#[test]
fn reexports_and_unit_tests_form_no_circle() {
    let found = circles_with(&[
        ("lib.rs", "mod a; mod b; pub use a::A; pub use b::b; #[cfg(test)] mod tests;"),
        ("a.rs", "pub struct A; #[cfg(test)] mod tests { use crate::b; fn t() { b::b(); } }"),
        ("b.rs", "use crate::A; pub fn b() -> A { A }"),
        ("tests.rs", "not even Rust"),
    ]);
    assert_eq!(found, Vec::<String>::new());
}
