//! The maximum sizes of directories and files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const MAX_FILES_PER_DIRECTORY: usize = 14;

const MAX_LINES_PER_FILE: usize = 400;

/// The directories that contain the workspace's packages.
const PACKAGE_DIRECTORIES: [&str; 3] = ["bin", "crates", "tests"];

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn rust_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for dir in PACKAGE_DIRECTORIES {
        collect_rust_files(&root().join(dir), &mut files);
    }
    files
}

fn collect_rust_files(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        } else if entry.file_type().unwrap().is_dir() && entry.file_name() != "node_modules" {
            collect_rust_files(&path, files);
        }
    }
}

/// Whether the file contains tests: it is `tests.rs` or `testing.rs`, or in a directory with such a name.
fn is_test(file: &Path) -> bool {
    let path = file.strip_prefix(root()).unwrap().with_extension("");
    path.iter().any(|part| part == "tests" || part == "testing")
}

#[test]
fn no_dir_contains_too_many_source_files() {
    let mut counts: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for file in rust_files() {
        *counts.entry(file.parent().unwrap().to_owned()).or_default() += 1;
    }
    counts.retain(|_, count| *count > MAX_FILES_PER_DIRECTORY);
    assert!(counts.is_empty(), "more than {MAX_FILES_PER_DIRECTORY} files: {counts:#?}");
}

#[test]
fn no_source_file_is_too_long() {
    let lines = |file: &PathBuf| fs::read_to_string(file).unwrap().lines().count();
    let files = rust_files().into_iter().filter(|file| !is_test(file));
    let mut lengths: BTreeMap<PathBuf, usize> =
        files.map(|file| (file.clone(), lines(&file))).collect();
    lengths.retain(|_, length| *length > MAX_LINES_PER_FILE);
    assert!(lengths.is_empty(), "more than {MAX_LINES_PER_FILE} lines: {lengths:#?}");
}
