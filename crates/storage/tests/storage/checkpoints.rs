//! SQLite's write-ahead log is kept short beside a writer, whatever readers do.

use std::time::{Duration, Instant};

use florin_storage::{AnyConnection, Checkpoint, checkpoint, leave_checkpoints_to_others};

use crate::harness::{TestDatabase, number, on_each_database, run};

const COUNT: &str = "SELECT count(*) AS value FROM filling";

/// A writer's connection, whose log has grown by a hundred rows.
fn writer_with_long_log(database: &TestDatabase) -> AnyConnection {
    let mut writer = database.connect();
    leave_checkpoints_to_others(&mut writer).unwrap();
    run(&mut writer, "CREATE TABLE filling (text TEXT)");
    for _ in 0..100 {
        run(&mut writer, "INSERT INTO filling VALUES ('anything')");
    }
    writer
}

#[test]
fn the_log_begins_anew_once_the_writer_has_said_so() {
    on_each_database(|database| {
        if database.is_postgres() {
            return;
        }
        let mut writer = writer_with_long_log(database);
        let mut other = database.connect();
        let before = checkpoint(&mut writer, Checkpoint::Restart).unwrap();
        assert!(before.is_complete);
        let before = before.pages;
        assert!(before > 100, "{before} pages");
        run(&mut writer, "INSERT INTO filling VALUES ('anew')");
        let after = checkpoint(&mut other, Checkpoint::Passive).unwrap().pages;
        assert!((1..10).contains(&after), "{after} pages");
        assert_eq!(number(&mut other, COUNT), 101);
    });
}

#[test]
fn a_long_read_neither_stops_the_writer_nor_loses_its_view() {
    on_each_database(|database| {
        if database.is_postgres() {
            return;
        }
        let mut writer = writer_with_long_log(database);
        let mut reader = database.connect();
        run(&mut reader, "BEGIN");
        assert_eq!(number(&mut reader, COUNT), 100);
        run(&mut writer, "INSERT INTO filling VALUES ('later')");
        let began = Instant::now();
        assert!(!checkpoint(&mut writer, Checkpoint::Restart).unwrap().is_complete);
        assert!(began.elapsed() < Duration::from_secs(2), "the writer waited for the reader");
        run(&mut writer, "INSERT INTO filling VALUES ('later still')");
        assert_eq!(number(&mut reader, COUNT), 100);
        run(&mut reader, "COMMIT");
        assert_eq!(number(&mut reader, COUNT), 102);
        assert!(checkpoint(&mut writer, Checkpoint::Restart).unwrap().is_complete);
    });
}
