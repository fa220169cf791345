//! The files of a crate form no import cycle: if one file uses another, the other does not use the first, directly or
//! indirectly. A file that uses a re-exported item is considered to use the file that defines the item.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::MetadataCommand;
use tempfile::TempDir;

use super::uses::{Uses, uses_in};

/// Describes each cycle: its number of files, and the names that each file uses from the others.
fn cycles(uses: &Uses) -> Vec<String> {
    let mut lines_by_cycle: BTreeMap<BTreeSet<&Path>, String> = BTreeMap::new();
    for ((user, used), names) in uses {
        let files = cycle_through(uses, user);
        if files.contains(used.as_path()) {
            let names = names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let lines = lines_by_cycle.entry(files).or_default();
            writeln!(lines, "  {} -> {}: {names}", user.display(), used.display()).unwrap();
        }
    }
    lines_by_cycle
        .into_iter()
        .map(|(files, lines)| format!("{} files form a cycle:\n{lines}", files.len()))
        .collect()
}

/// Returns the files that `file` uses and that also use `file`, directly or indirectly.
fn cycle_through<'a>(uses: &'a Uses, file: &'a Path) -> BTreeSet<&'a Path> {
    let edges = || uses.keys().map(|(user, used)| (user.as_path(), used.as_path()));
    let used_files = reachable(file, &edges().collect::<Vec<_>>());
    let reversed: Vec<_> = edges().map(|(user, used)| (used, user)).collect();
    let using_files = reachable(file, &reversed);
    using_files.intersection(&used_files).copied().collect()
}

fn reachable<'a>(origin: &'a Path, edges: &[(&'a Path, &'a Path)]) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut pending = vec![origin];
    while let Some(file) = pending.pop() {
        let next = edges.iter().filter(|(start, _)| *start == file).map(|(_, end)| *end);
        pending.extend(next.filter(|end| reached.insert(*end)));
    }
    reached
}

/// Finds the cycles in every crate (library, binary, test, benchmark and example) of the workspace at `root`.
fn cycles_in_workspace(root: &Path) -> Vec<String> {
    let mut command = MetadataCommand::new();
    let metadata = command.manifest_path(root.join("Cargo.toml")).no_deps().exec().unwrap();
    let targets = metadata.packages.iter().flat_map(|package| &package.targets);
    targets
        .flat_map(|target| cycles(&relative(uses_in(target.src_path.as_std_path()), root)))
        .collect()
}

fn relative(uses: Uses, root: &Path) -> Uses {
    let relative = |file: PathBuf| file.strip_prefix(root).unwrap_or(&file).to_owned();
    uses.into_iter()
        .map(|((user, used), names)| ((relative(user), relative(used)), names))
        .collect()
}

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn no_crate_contains_an_import_cycle() {
    let cycles = cycles_in_workspace(&workspace_root());
    assert!(cycles.is_empty(), "{}", cycles.join("\n"));
}

/// Creates a crate with these files, given by path and content.
fn create_crate(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let file = dir.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    dir
}

fn cycles_in_crate(files: &[(&str, &str)]) -> Vec<String> {
    let dir = create_crate(files);
    cycles(&relative(uses_in(&dir.path().join("lib.rs")), dir.path()))
}

#[test]
fn a_cycle_through_a_reexport_is_reported_with_its_files_and_items() {
    let cycles = cycles_in_crate(&[
        ("lib.rs", "mod orders; mod billing; pub use billing::*;"),
        ("orders/mod.rs", "mod order; pub use order::Order;"),
        ("orders/order.rs", "pub struct Order { bill: crate::billing::Bill }"),
        ("billing.rs", "use crate::orders::{self}; pub struct Bill(Vec<orders::Order>);"),
    ]);
    assert_eq!(
        cycles,
        ["2 files form a cycle:\n  billing.rs -> orders/order.rs: Order\n  \
          orders/order.rs -> billing.rs: Bill\n"]
    );
}

#[test]
fn a_module_and_a_child_that_use_each_other_form_a_cycle() {
    let cycles = cycles_in_crate(&[
        ("lib.rs", "mod file; pub struct Limits; fn open() { println!(\"{}\", file::open()); }"),
        ("file.rs", "use super::Limits as Most; pub fn open() -> Most { Most }"),
    ]);
    assert_eq!(
        cycles,
        ["2 files form a cycle:\n  file.rs -> lib.rs: Limits\n  lib.rs -> file.rs: open\n"]
    );
}

#[test]
fn reexports_and_unit_tests_form_no_cycle() {
    let cycles = cycles_in_crate(&[
        ("lib.rs", "mod a; mod b; pub use a::A; pub use b::b; #[cfg(test)] mod tests;"),
        ("a.rs", "pub struct A; #[cfg(test)] mod tests { use crate::b; fn t() { b::b(); } }"),
        ("b.rs", "use crate::A; pub fn b() -> A { A }"),
        ("tests.rs", "not even Rust"),
    ]);
    assert_eq!(cycles, Vec::<String>::new());
}
