//! `florin export`: a file is whole or does not get its name, and a stream is whole or ends with 2.

use std::path::Path;
use std::process::Output;

use diesel::connection::SimpleConnection;
use florin_storage::{AnyConnection, DatabaseUrl};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Server, florin, folder, run, stderr, stdout};

const DATABASE: (&str, &str) = ("FLORIN_DATABASE_URL", "sqlite://florin-dev.db");
const KEY: &str = "sk_test_1234567890abcdefghijklmnop";

/// A folder with the database of a sandbox, three payments and a refund in it, and the sandbox's tenant.
fn sandbox() -> (TempDir, String) {
    let folder = folder();
    let server = Server::dev(folder.path(), &[]);
    let mut id = String::new();
    for text in ["one", "two, \\\"quoted\\\"", "=three"] {
        let body = format!(
            r#"{{"amount": 1000, "currency": "USD", "payment_method_id": "pm_test_success", "description": "{text}"}}"#
        );
        let paid = server.call(KEY, "POST /v1/payments", &body);
        assert_eq!(paid.status, 201, "{}", paid.json);
        id = paid.json["id"].as_str().unwrap().to_owned();
    }
    assert_eq!(server.call(KEY, &format!("POST /v1/payments/{id}/refund"), "{}").status, 200);
    assert!(server.end().success());
    let tenants = stdout(&run(folder.path(), &["tenants", "list"], &[DATABASE]));
    let tenant = tenants.split('\t').next().unwrap().to_owned();
    (folder, tenant)
}

fn export(folder: &Path, tenant: &str, more: &[&str]) -> Output {
    let common = ["--tenant", tenant, "--mode", "test", "--format", "jsonl"];
    run(folder, &[&["export"], more, &common[..]].concat(), &[DATABASE])
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with("florin-dev."));
    names.sort_unstable();
    names
}

#[test]
fn an_export_is_written_to_a_file_or_to_standard_output() {
    let (folder, tenant) = sandbox();
    let printed = export(folder.path(), &tenant, &["payments"]);
    assert_eq!((printed.status.code(), stderr(&printed).as_str()), (Some(0), "exported 3 payments\n"));
    let lines: Vec<Value> =
        stdout(&printed).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let descriptions: Vec<&Value> = lines.iter().map(|line| &line["description"]).collect();
    assert_eq!(descriptions, ["one", "two, \"quoted\"", "=three"]);
    assert_eq!(lines[0]["attempts"][0]["status"], "succeeded");

    std::fs::write(folder.path().join("payments.jsonl"), "what was there before").unwrap();
    let written = export(folder.path(), &tenant, &["payments", "--output", "payments.jsonl"]);
    assert_eq!((written.status.code(), stdout(&written).as_str()), (Some(0), ""));
    let file = std::fs::read_to_string(folder.path().join("payments.jsonl")).unwrap();
    assert_eq!(file, stdout(&printed));
    assert_eq!(names(folder.path()), ["payments.jsonl"]);

    let refunds = export(folder.path(), &tenant, &["refunds"]);
    assert_eq!(stdout(&refunds).lines().count(), 1);
    let transactions = export(folder.path(), &tenant, &["transactions", "--output", "-"]);
    assert_eq!(stderr(&transactions), "exported 4 transactions\n");
    let live = ["export", "payments", "--tenant", &tenant, "--mode", "live", "--format", "csv"];
    let live = run(folder.path(), &live, &[DATABASE]);
    assert_eq!((live.status.code(), stdout(&live).lines().count()), (Some(0), 1), "only the header");
}

#[test]
fn a_csv_can_be_read_back() {
    let (folder, tenant) = sandbox();
    let arguments = ["export", "payments", "--tenant", &tenant, "--mode", "test", "--format", "csv"];
    let output = run(folder.path(), &arguments, &[DATABASE]);
    let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
    let column = reader.headers().unwrap().iter().position(|name| name == "description").unwrap();
    let texts: Vec<String> = reader.records().map(|record| record.unwrap()[column].to_owned()).collect();
    assert_eq!(texts, ["one", "two, \"quoted\"", "'=three"]);
}

#[test]
fn a_span_includes_its_beginning_and_excludes_its_end() {
    let (folder, tenant) = sandbox();
    let count = |more: &[&str]| {
        let output = export(folder.path(), &tenant, &[&["payments"], more].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output).lines().count()
    };
    let lines = stdout(&export(folder.path(), &tenant, &["payments"]));
    let time =
        |line: &str| serde_json::from_str::<Value>(line).unwrap()["created_at"].as_str().unwrap().to_owned();
    let (first, last) = (time(lines.lines().next().unwrap()), time(lines.lines().last().unwrap()));
    assert!(first < last, "a charge takes longer than a millisecond");
    assert_eq!(count(&["--from", &first]), 3);
    assert_eq!(count(&["--until", &first]), 0);
    assert!((1..3).contains(&count(&["--from", &last])));
    assert_eq!(count(&["--from", &last]) + count(&["--until", &last]), 3);
    assert_eq!(count(&["--from", "2020-01-01", "--until", "2020-02-01"]), 0);
}

#[test]
fn an_export_that_fails_ends_with_2_and_leaves_the_file_alone() {
    let (folder, tenant) = sandbox();
    let url = DatabaseUrl::Sqlite(folder.path().join("florin-dev.db"));
    let AnyConnection::Sqlite(mut sqlite) = url.connect().unwrap() else { unreachable!("it is named so") };
    sqlite.batch_execute("UPDATE payments SET metadata = 'oops'").unwrap();
    drop(sqlite);
    std::fs::write(folder.path().join("old.jsonl"), "what was there before").unwrap();
    for name in ["old.jsonl", "new.jsonl"] {
        let failed = export(folder.path(), &tenant, &["payments", "--output", name]);
        assert_eq!(failed.status.code(), Some(2));
        let said = stderr(&failed);
        assert!(said.starts_with("error: a row of payments is corrupt: "), "{said}");
        assert!(said.ends_with("; the export is not complete\n"), "{said}");
    }
    assert_eq!(names(folder.path()), ["old.jsonl"]);
    let file = std::fs::read_to_string(folder.path().join("old.jsonl")).unwrap();
    assert_eq!(file, "what was there before");
}

#[test]
fn what_can_not_be_written_to_is_named() {
    let (folder, tenant) = sandbox();
    let refused = |more: &[&str], message: &str| {
        let failed = export(folder.path(), &tenant, &[&["payments"], more].concat());
        assert_eq!(failed.status.code(), Some(2), "{message}");
        assert!(stderr(&failed).contains(message), "{}", stderr(&failed));
    };
    refused(&["--output", "nowhere/payments.jsonl"], "can't write nowhere/payments.jsonl: No such file");
    refused(&["--output", "."], "can't write .: Is a directory");
    if Path::new("/dev/full").exists() {
        refused(&["--output", "/dev/full"], "error: the export can't be written: No space left on device");
    }
    // Who reads has gone.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let arguments = ["export", "payments", "--tenant", &tenant, "--mode", "test", "--format", "csv"];
    let output = florin(folder.path(), &arguments, &[DATABASE]).stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = "error: the export can't be written: Broken pipe";
    assert!(stderr(&output).starts_with(said), "{}", stderr(&output));

    let nobody = export(folder.path(), "ten_01jgfjjz00e008000000000009", &["payments"]);
    assert!(stderr(&nobody).contains("there is no tenant ten_01jgfjjz00e008000000000009"));
}
