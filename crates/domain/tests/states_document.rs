//! `docs/states.md` is generated from the status machine. Run with `FLORIN_UPDATE_DOCS=1` to write it anew.

use std::fmt::Write as _;
use std::path::Path;

use florin_domain::{State, Step};

#[test]
fn the_document_of_the_states_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/states.md");
    let document = document();
    if std::env::var_os("FLORIN_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        stored, document,
        "docs/states.md differs from the table: run the tests with FLORIN_UPDATE_DOCS=1"
    );
}

fn document() -> String {
    let mut text = String::from(
        "# The states of a payment\n\n\
         Generated from `State::next` in `crates/domain/src/state.rs`; a test compares them.\n\n\
         ```mermaid\nstateDiagram-v2\n    [*] --> pending\n",
    );
    for from in State::ALL {
        for step in Step::ALL {
            if let Some(to) = from.next(step) {
                writeln!(text, "    {from} --> {to}: {step}").unwrap();
            }
        }
    }
    text.push_str("```\n\nOne state, told in two vocabularies:\n\n| state | `status` | `payment_status` |\n| --- | --- | --- |\n");
    for state in State::ALL {
        writeln!(text, "| `{state}` | `{}` | `{}` |", state.status(), state.payment_status()).unwrap();
    }
    text.push_str("\nEvery step from every state; a dash is a step that is refused:\n\n| |");
    for step in Step::ALL {
        write!(text, " {step} |").unwrap();
    }
    text.push_str("\n| --- |");
    text.push_str(&" --- |".repeat(Step::ALL.len()));
    for from in State::ALL {
        write!(text, "\n| **{from}** |").unwrap();
        for step in Step::ALL {
            let to = from.next(step).map_or("–", State::as_str);
            write!(text, " {to} |").unwrap();
        }
    }
    text.push('\n');
    text
}
