//! Texts as QR codes, drawn as SVG: dark on light whatever the theme, as cameras want it.

use std::fmt::Write;

use qrcode::{Color, QrCode};

/// The margin that cameras need, in modules.
const QUIET: usize = 4;

/// A text as a QR code that is described by `label`, which is not escaped; none when it is too long for one.
pub(crate) fn svg(text: &str, label: &'static str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let width = code.width();
    let whole = width + 2 * QUIET;
    let mut svg = format!(
        r#"<svg class="qr" viewBox="0 0 {whole} {whole}" role="img" aria-label="{label}" shape-rendering="crispEdges"><path d=""#
    );
    for (at, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (x, y) = (at % width + QUIET, at / width + QUIET);
            write!(svg, "M{x} {y}h1v1h-1z").expect("a String takes every write");
        }
    }
    svg.push_str("\"/></svg>");
    Some(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_drawn_and_one_that_is_too_long_is_not() {
        let svg_of = |text: &str| svg(text, "A code");
        let drawn = svg_of("otpauth://totp/Florin:ada@example.com?secret=ABC").unwrap();
        // Its corner is a square of seven by seven modules with a margin around it.
        assert!(drawn.contains("aria-label=\"A code\"") && !drawn.contains("style="), "{drawn}");
        assert!(drawn.contains("d=\"M4 4h1v1h-1zM5 4h1v1h-1z") && drawn.contains("M10 10h1"), "{drawn}");
        assert!(!drawn.contains("M11 4h1"), "beside a corner it is light");
        assert_eq!(svg_of(&"x".repeat(5000)), None);
    }
}
