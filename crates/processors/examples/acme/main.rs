//! A connector from beginning to end, and the rules that it has to keep. Run it with
//! `cargo run --package florin-processors --example acme --features conformance`.

mod connector;
mod server;

use std::io::Write;

use connector::Acme;
use florin_domain::{MethodRef, Mode};
use florin_processors::conformance::{Bench, TestMethods, check};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = server::start().await;
    let acme = Acme::new(&server.uri(), "acme-test-key", Mode::Test)?;
    let next_id = || uuid::Uuid::now_v7().into_bytes();
    let methods = TestMethods {
        needs_action: Some(MethodRef::parse("pm_careful")?),
        ..TestMethods::named("pm_good", "pm_poor")
    };
    let report = check(&Bench::new(&acme, &next_id, methods)).await;
    write!(std::io::stdout(), "{report}")?;
    if report.is_kept() { Ok(()) } else { Err("the connector breaks rules".into()) }
}
