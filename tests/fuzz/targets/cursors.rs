//! Query strings of lists: a page is at most a hundred objects, whatever is asked for.
#![no_main]

use florin_api::fuzzing::read_page;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|query: &str| {
    if let Some(page) = read_page(query) {
        assert!((1..=100).contains(&page.limit));
    }
});
