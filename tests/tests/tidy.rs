//! What the compiler does not check about the tree itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The house's crates, and those of them that each may depend on, tests not counted.
const DIRECTION: &[(&str, &[&str])] = &[
    ("florin-domain", &[]),
    ("florin-storage", &["florin-domain"]),
    ("florin-processors", &["florin-domain"]),
    ("florin-engine", &["florin-domain", "florin-storage", "florin-processors"]),
    ("florin-api", &["florin-domain", "florin-engine"]),
    ("florin-dashboard", &["florin-domain", "florin-engine"]),
    (
        "florin",
        &[
            "florin-domain",
            "florin-storage",
            "florin-processors",
            "florin-engine",
            "florin-api",
            "florin-dashboard",
        ],
    ),
];

/// All that the rules may be built with: nothing that reads, writes, waits, tells the time or throws dice.
const DOMAIN_MAY_USE: &[&str] =
    &["chrono", "iso_currency", "proptest", "serde", "strum", "thiserror", "type-safe-id", "uuid"];

const LONGEST_FILE: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace is there")
}

/// Every file that belongs to the project, new ones included, what git ignores not.
fn files() -> Vec<PathBuf> {
    let arguments = ["ls-files", "--cached", "--others", "--exclude-standard"];
    let listed = Command::new("git").args(arguments).current_dir(root()).output().expect("git can be run");
    assert!(listed.status.success(), "the tree is no clone: {}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8(listed.stdout).expect("our names are UTF-8");
    let files: Vec<PathBuf> =
        names.lines().map(PathBuf::from).filter(|path| root().join(path).is_file()).collect();
    assert!(files.len() > 50, "only {} files were found", files.len());
    files
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(root().join(path)).ok()
}

fn rust_files() -> impl Iterator<Item = (PathBuf, String)> {
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    files().into_iter().filter(is_rust).filter_map(|path| read(&path).map(|text| (path, text)))
}

/// The packages of the workspace and what they depend on, by kind.
fn packages() -> BTreeMap<String, Vec<(String, Value)>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["metadata", "--format-version=1", "--no-deps", "--offline"];
    let output = Command::new(cargo).args(arguments).current_dir(root()).output().expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let text = |value: &Value| value.as_str().expect("a name").to_owned();
    let dependencies = |package: &Value| {
        let all = package["dependencies"].as_array().expect("a list").iter();
        all.map(|dependency| (text(&dependency["name"]), dependency["kind"].clone())).collect()
    };
    let packages = metadata["packages"].as_array().expect("a list").iter();
    packages.map(|package| (text(&package["name"]), dependencies(package))).collect()
}

/// What a package is built with; its tests may use more.
fn built_with(dependencies: &[(String, Value)]) -> BTreeSet<&str> {
    dependencies.iter().filter(|(_, kind)| kind != "dev").map(|(name, _)| name.as_str()).collect()
}

#[test]
fn dependencies_point_one_way() {
    let packages = packages();
    for (name, dependencies) in &packages {
        if name == "florin-tests" {
            continue;
        }
        let rule = DIRECTION.iter().find(|(known, _)| known == name);
        let (_, allowed) = rule.unwrap_or_else(|| panic!("{name} is new: say here what it may depend on"));
        for used in built_with(dependencies) {
            let is_ours = packages.contains_key(used);
            assert!(!is_ours || allowed.contains(&used), "{name} depends on {used}");
        }
    }
    for (name, _) in DIRECTION {
        assert!(packages.contains_key(*name), "{name} is gone: remove its rule");
    }
}

#[test]
fn the_domain_is_built_with_nothing_that_acts() {
    let packages = packages();
    for used in built_with(&packages["florin-domain"]) {
        assert!(DOMAIN_MAY_USE.contains(&used), "florin-domain depends on {used}");
    }
    for (path, text) in rust_files().filter(|(path, _)| path.starts_with("crates/domain/src")) {
        for forbidden in [
            "std::fs",
            "std::net",
            "std::io",
            "std::thread",
            "std::process",
            "SystemTime",
            "Instant::now",
            "Utc::now",
            "async fn",
            "now_v7",
        ] {
            let found =
                text.lines().find(|line| line.contains(forbidden) && !line.trim_start().starts_with("//"));
            assert!(found.is_none(), "{}: {}", path.display(), found.unwrap_or_default().trim());
        }
    }
}

#[test]
fn no_file_is_longer_than_a_person_likes_to_read() {
    let too_long: Vec<String> = rust_files()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(path, lines)| format!("{} has {lines} lines", path.display()))
        .collect();
    assert!(too_long.is_empty(), "split at {LONGEST_FILE}: {}", too_long.join("; "));
}

#[test]
fn no_test_is_switched_off_and_nothing_is_left_to_do() {
    // Put together, so that this file does not contain them.
    let ignored = format!("#[{}", "ignore");
    let macros = ["todo", "unimplemented"].map(|name| format!("{name}!("));
    for (path, text) in rust_files() {
        for forbidden in macros.iter().chain([&ignored]) {
            assert!(!text.contains(forbidden.as_str()), "{} has {forbidden}", path.display());
        }
    }
}

#[test]
fn no_path_of_somebody_s_machine_is_in_the_tree() {
    let homes = ["home", "root", "work", "Users"].map(|folder| format!("/{folder}/"));
    for path in files() {
        // What is no text has no paths that anybody reads.
        let Some(text) = read(&path) else { continue };
        for (number, line) in text.lines().enumerate() {
            let found = homes.iter().find(|home| begins_a_path(line, home));
            assert!(found.is_none(), "{}:{}: {line}", path.display(), number + 1);
        }
    }
}

/// Whether `home` is in the line as the beginning of a path, not in the middle of one.
fn begins_a_path(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|character| character.is_alphanumeric() || "_-.~})*".contains(character))
    })
}

#[test]
fn a_path_is_told_from_the_middle_of_one() {
    let home = format!("/{}/", "home");
    assert!(begins_a_path(&format!("cd {home}me"), &home));
    assert!(begins_a_path(&format!("sqlite://{home}me"), &home));
    assert!(!begins_a_path(&format!("target{home}me"), &home));
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |database: &str| -> BTreeSet<PathBuf> {
        let folder = Path::new("migrations").join(database);
        let all = files().into_iter();
        all.filter_map(|path| path.strip_prefix(&folder).map(Path::to_path_buf).ok()).collect()
    };
    let (sqlite, postgres) = (names("sqlite"), names("postgres"));
    assert!(!sqlite.is_empty(), "no migration was found");
    assert_eq!(sqlite, postgres);
}

/// The last cell of each row of the tables whose last column is headed "test".
fn tests_named(document: &str) -> Vec<String> {
    let (mut named, mut heading) = (Vec::new(), None);
    for line in document.lines() {
        let Some(row) = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")) else {
            heading = None;
            continue;
        };
        let last = row.rsplit(" | ").next().unwrap_or_default().trim();
        match heading {
            None => heading = Some(last),
            Some("test") if !last.starts_with("---") => named.push(last.to_owned()),
            Some(_) => {}
        }
    }
    named
}

/// What a function is called that the words describe; what stands in brackets describes it further.
fn function_name(words: &str) -> String {
    let words = words.split('(').next().unwrap_or_default().to_lowercase().replace('-', " ");
    let letters: String = words.chars().filter(|c| c.is_alphanumeric() || *c == ' ').collect();
    letters.split_whitespace().collect::<Vec<_>>().join("_")
}

#[test]
fn each_threat_names_a_test_that_exists() {
    let documents = ["docs/security.md", "docs/payment-requests.md"].map(|path| read(Path::new(path)));
    let files: Vec<(PathBuf, String)> = rust_files().collect();
    let named: Vec<String> = documents.iter().flatten().flat_map(|text| tests_named(text)).collect();
    assert!(named.len() > 65, "only {} threats were found", named.len());
    for tests in named {
        assert!(tests.contains(".rs`") || tests.contains(".toml`"), "no test: {tests}");
        let parts: Vec<&str> = tests.split('`').collect();
        for (name, words) in parts.iter().skip(1).step_by(2).zip(parts.iter().skip(2).step_by(2)) {
            if !name.ends_with(".rs") {
                continue;
            }
            let found: Vec<&String> = files
                .iter()
                .filter(|(path, _)| Path::new("/").join(path).ends_with(name))
                .map(|(_, text)| text)
                .collect();
            assert!(!found.is_empty(), "{name} is not there: {tests}");
            // Words that follow the file's name and a colon are the beginnings of tests' names, or parts of them.
            let words = words.strip_prefix(": ").unwrap_or_default().trim_end_matches(['`', ' ']);
            for test in words.split(';').map(function_name).filter(|test| !test.is_empty()) {
                let is_there = found.iter().any(|text| {
                    text.lines().any(|line| line.contains("fn ") && line.replace("_s_", "s_").contains(&test))
                });
                assert!(is_there, "no function {test} in {name}: {tests}");
            }
        }
    }
}
