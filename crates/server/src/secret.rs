//! The API key that everybody knows.

/// The key that the documentation shows. It works in the sandbox tenant that `florin dev` makes, and nowhere else.
pub(crate) const DOCUMENTED_KEY: &str = "sk_test_1234567890abcdefghijklmnop";
