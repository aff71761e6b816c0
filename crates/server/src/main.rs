//! Florin, a payments server in one binary: settings, commands, and the wiring of the crates that do the work.

mod claim;
mod cli;
mod clock;
mod commands;
mod demo;
mod failure;
mod filesystem;
mod http;
mod limits;
mod logging;
mod metrics;
mod output;
mod redact;
mod secret;
mod server;
mod settings;
mod signals;

use std::process::ExitCode;

use clap::Parser;

/// Payments are many small texts on several threads: a twelfth less time for each. Without huge pages (`no_thp`), with
/// which it would take three times the memory for the same speed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a command that could not do its work ends with. 1 is what `florin verify` says when it found something.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    match commands::run(cli::Cli::parse()) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("error: {}", redact::secrets(&failure.to_string()));
            ExitCode::from(FAILED)
        }
    }
}
