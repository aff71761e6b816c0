//! The sandbox's books: shared by threads and processes, bounded in memory, and whole after a crash.

mod support;

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Barrier};

use florin_domain::AttemptKind;
use florin_processors::sandbox::{Books, BooksError};
use florin_processors::{Found, Sandbox, SandboxSettings};
use support::*;

#[test]
fn the_same_attempt_at_once_by_many_threads_and_two_sandboxes_is_one_entry() {
    let bench = Bench::new();
    let sandboxes = [bench.another(), bench.another()];
    let barrier = Barrier::new(50);
    std::thread::scope(|scope| {
        for thread in 0..50 {
            let (sandbox, barrier) = (&sandboxes[thread % 2], &barrier);
            scope.spawn(move || {
                barrier.wait();
                assert_eq!(send(sandbox, charged(7, "pm_test_success")), succeeded(7));
            });
        }
    });
    assert_eq!(bench.entries().len(), 1);
}

/// What a process does in the test below: charges attempts 1 to 500, half of them together with the other processes.
fn charge_500(sandbox: &Sandbox, process: u32) {
    for number in 1..=500 {
        let attempt = if number % 2 == 0 { number } else { number + process * 10_000 };
        assert_eq!(send(sandbox, charged(attempt, "pm_test_success")), succeeded(attempt));
    }
}

#[test]
fn several_processes_and_threads_write_each_attempt_once() {
    // The test starts itself twice more, to have other processes.
    const BOOKS: &str = "FLORIN_TEST_BOOKS";
    const PROCESS: &str = "FLORIN_TEST_PROCESS";
    let bench = Bench::new();
    if let (Ok(books), Ok(process)) = (std::env::var(BOOKS), std::env::var(PROCESS)) {
        let settings = SandboxSettings { index_capacity: 10, ..SandboxSettings::default() };
        let clock = Arc::new(chrono::DateTime::default);
        let sandbox = Sandbox::open(Path::new(&books), settings, clock).unwrap();
        return charge_500(&sandbox, process.parse().unwrap());
    }
    let mut others = [1, 2].map(|process| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "several_processes_and_threads_write_each_attempt_once"])
            .env(BOOKS, &bench.path)
            .env(PROCESS, process.to_string())
            .spawn()
            .unwrap()
    });
    std::thread::scope(|scope| {
        for process in [3, 4] {
            let sandbox = &bench.sandbox;
            scope.spawn(move || charge_500(sandbox, process));
        }
    });
    for other in &mut others {
        assert!(other.wait().unwrap().success());
    }
    let mut times: BTreeMap<_, u32> = BTreeMap::new();
    for entry in bench.entries() {
        *times.entry(entry.attempt_id).or_default() += 1;
    }
    assert_eq!(times.len(), 250 + 4 * 250);
    assert!(times.values().all(|written| *written == 1));
}

#[test]
fn a_sandbox_sees_what_another_has_written() {
    let bench = Bench::new();
    let other = bench.another();
    send(&other, charged(1, "pm_test_success"));
    assert_eq!(bench.look_up(1, AttemptKind::Charge), Found::Outcome(succeeded(1)));
    bench.send(charged(2, "pm_test_requires_action"));
    other.complete_action(attempt_id(2), true).unwrap();
    assert_eq!(bench.look_up(2, AttemptKind::Charge), Found::Outcome(succeeded(2)));
}

#[test]
fn attempts_older_than_the_index_are_found_in_the_file() {
    let tiny = SandboxSettings { index_capacity: 3, ..SandboxSettings::default() };
    let bench = Bench::with(tiny.clone());
    for attempt in (2..=40).step_by(2) {
        bench.send(charged(attempt, "pm_test_requires_action"));
    }
    for sandbox in [&bench.sandbox, &bench.another_with(tiny)] {
        for attempt in (2..=40).step_by(2) {
            assert_ne!(look_up(sandbox, attempt, AttemptKind::Charge), Found::NotFound, "{attempt}");
            assert_eq!(look_up(sandbox, attempt + 1, AttemptKind::Charge), Found::NotFound, "{attempt}");
            send(sandbox, charged(attempt, "pm_test_requires_action"));
        }
    }
    assert_eq!(bench.entries().len(), 20, "nothing was charged twice");

    bench.sandbox.complete_action(attempt_id(4), true).unwrap();
    assert_eq!(bench.look_up(4, AttemptKind::Charge), Found::Outcome(succeeded(4)));
    assert!(bench.sandbox.complete_action(attempt_id(4), false).is_err(), "the newest entry holds");

    bench.send(charged(3, "pm_test_success"));
    assert_eq!(bench.send(charged(3, "pm_test_success")), succeeded(3));
    assert_eq!(bench.entries().len(), 22, "an old id that is new to the books is charged once");
}

#[test]
fn an_old_attempt_that_another_sandbox_has_just_written_is_not_written_again() {
    let tiny = SandboxSettings { index_capacity: 1, ..SandboxSettings::default() };
    let bench = Bench::with(tiny.clone());
    let other = bench.another_with(tiny);
    for attempt in [8, 9] {
        bench.send(charged(attempt, "pm_test_success"));
    }
    send(&other, charged(5, "pm_test_success"));
    assert_eq!(bench.send(charged(5, "pm_test_success")), succeeded(5));
    assert_eq!(bench.entries().len(), 3);
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_half_written_line_never_counts_wherever_it_was_torn() {
    let source = Bench::new();
    source.send(charged(2, "pm_test_success"));
    let line = std::fs::read_to_string(&source.path).unwrap();
    for length in 1..line.len() {
        let bench = Bench::new();
        bench.send(charged(1, "pm_test_success"));
        let running = bench.another();
        append(&bench.path, &line[..length]);
        assert_eq!(bench.entries().len(), 1, "a line without its end is not read: {length}");
        for sandbox in [&running, &bench.another()] {
            assert_eq!(look_up(sandbox, 2, AttemptKind::Charge), Found::NotFound, "{length}");
        }
        assert_eq!(send(&running, charged(2, "pm_test_success")), succeeded(2));
        let attempts: Vec<_> = bench.entries().iter().map(|entry| entry.attempt_id).collect();
        assert_eq!(attempts, [attempt_id(1), attempt_id(2)], "{length}");
    }
}

#[test]
fn a_tear_in_the_mark_of_a_torn_line_is_mended_too() {
    let bench = Bench::new();
    append(&bench.path, r#"{"attempt_id":"att_0 #to"#);
    bench.send(charged(1, "pm_test_success"));
    assert_eq!(bench.entries().len(), 1);
    let text = std::fs::read_to_string(&bench.path).unwrap();
    assert!(text.starts_with("{\"attempt_id\":\"att_0 #to #torn\n{"), "{text}");
}

#[test]
fn a_file_that_is_something_else_is_refused_and_left_alone() {
    for text in
        ["listen = 127.0.0.1\nworkers = 2\n", "no newline", "{}\n", "\n", "{\"attempt_id\":\"att_1\"}\n"]
    {
        let bench = Bench::new();
        std::fs::write(&bench.path, text).unwrap();
        let clock = Arc::new(chrono::DateTime::default);
        let refused = Sandbox::open(&bench.path, SandboxSettings::default(), clock).err().unwrap();
        assert!(matches!(refused, BooksError::NoEntry { at_position: 0, .. }), "{refused}");
        assert_eq!(std::fs::read_to_string(&bench.path).unwrap(), text);
        assert!(Books::read(&bench.path).unwrap().all(|entry| entry.is_err()));
    }
}

#[test]
fn books_that_were_cut_short_answer_nothing_rather_than_something_wrong() {
    use futures_util::FutureExt;
    let bench = Bench::new();
    bench.send(charged(1, "pm_test_success"));
    std::fs::write(&bench.path, "").unwrap();
    let answer = bench.send(charged(1, "pm_test_success"));
    assert!(matches!(answer, florin_processors::Outcome::Unknown { .. }), "{answer:?}");
    use florin_processors::Processor;
    let found = bench.sandbox.look_up(&about(1, AttemptKind::Charge)).now_or_never().unwrap();
    assert!(found.unwrap_err().to_string().contains("cut short"));
}
