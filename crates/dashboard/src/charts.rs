//! Charts as SVG, made here: no script draws them, and what they show is said in words as well.

use std::fmt::Write;

/// The drawing's size, in its own units.
const WIDTH: i64 = 440;
const HEIGHT: i64 = 170;
/// The room for the values at the side and the days below.
const LEFT: i64 = 4;
const TOP: i64 = 18;
const BOTTOM: i64 = 22;

/// One day of a chart.
pub(crate) struct Point {
    /// The day, as it is shown.
    pub(crate) day: String,
    /// What is drawn; nothing where there is nothing to tell.
    pub(crate) value: Option<i64>,
    /// The value in words.
    pub(crate) shown: String,
}

/// What a chart looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// A bar for each day.
    Bars(&'static str),
    /// A line from day to day, of parts of a hundred.
    Line,
}

/// A chart whose largest value is `most_shown` in words, described by `summary`.
pub(crate) fn chart(id: &str, style: Style, points: &[Point], most_shown: &str, summary: &str) -> String {
    let most = match style {
        Style::Line => 100,
        Style::Bars(_) => points.iter().filter_map(|point| point.value).max().unwrap_or(0).max(1),
    };
    let mut svg = format!(
        r#"<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{id}-t"><title id="{id}-t">{}</title>"#,
        escaped(summary)
    );
    let floor = HEIGHT - BOTTOM;
    push(&mut svg, format_args!(r#"<line class="axis" x1="0" y1="{floor}" x2="{WIDTH}" y2="{floor}"/>"#));
    push(&mut svg, format_args!(r#"<line class="axis" x1="0" y1="{TOP}" x2="{WIDTH}" y2="{TOP}"/>"#));
    push(&mut svg, format_args!(r#"<text x="{LEFT}" y="12">{}</text>"#, escaped(most_shown)));
    match style {
        Style::Bars(class) => bars(&mut svg, points, most, class),
        Style::Line => line(&mut svg, points, most),
    }
    for (at, point) in labelled(points) {
        let (x, anchor) = label_place(at, points.len());
        push(
            &mut svg,
            format_args!(
                r#"<text x="{x}" y="{}" text-anchor="{anchor}">{}</text>"#,
                HEIGHT - 5,
                escaped(&point.day)
            ),
        );
    }
    for (at, point) in points.iter().enumerate() {
        let (x, width) = slot(at, points.len());
        let told = format!("{}: {}", point.day, point.shown);
        push(
            &mut svg,
            format_args!(
                r#"<rect class="hover" x="{x}" y="{TOP}" width="{width}" height="{}"><title>{}</title></rect>"#,
                floor - TOP,
                escaped(&told)
            ),
        );
    }
    svg.push_str("</svg>");
    svg
}

fn bars(svg: &mut String, points: &[Point], most: i64, class: &str) {
    for (at, point) in points.iter().enumerate() {
        let height = height_of(point.value.unwrap_or(0), most);
        if height == 0 {
            continue;
        }
        let (x, width) = slot(at, points.len());
        let (y, gap) = (HEIGHT - BOTTOM - height, (width / 5).max(1));
        push(
            svg,
            format_args!(
                r#"<rect class="bar {class}" x="{}" y="{y}" width="{}" height="{height}" rx="2"/>"#,
                x + gap / 2,
                (width - gap).max(1)
            ),
        );
    }
}

/// A line, broken where there is nothing to tell.
fn line(svg: &mut String, points: &[Point], most: i64) {
    let mut path = String::new();
    let mut is_drawing = false;
    for (at, point) in points.iter().enumerate() {
        let Some(value) = point.value else {
            is_drawing = false;
            continue;
        };
        let (x, width) = slot(at, points.len());
        let (x, y) = (x + width / 2, HEIGHT - BOTTOM - height_of(value, most));
        push(&mut path, format_args!("{}{x} {y} ", if is_drawing { "L" } else { "M" }));
        push(svg, format_args!(r#"<circle class="dot" cx="{x}" cy="{y}" r="3"/>"#));
        is_drawing = true;
    }
    push(svg, format_args!(r#"<path class="curve" d="{}"/>"#, path.trim_end()));
}

fn height_of(value: i64, most: i64) -> i64 {
    let room = i128::from(HEIGHT - TOP - BOTTOM);
    let height = i128::from(value.max(0)) * room / i128::from(most.max(1));
    // The smallest something is not nothing.
    let least = i128::from(value > 0);
    i64::try_from(height.max(least)).unwrap_or(0)
}

/// Where a day begins, and how wide it is.
fn slot(at: usize, of: usize) -> (i64, i64) {
    let of = i64::try_from(of.max(1)).unwrap_or(1);
    let at = i64::try_from(at).unwrap_or(0);
    (at * WIDTH / of, (at + 1) * WIDTH / of - at * WIDTH / of)
}

fn label_place(at: usize, of: usize) -> (i64, &'static str) {
    let (x, width) = slot(at, of);
    match at {
        0 => (LEFT, "start"),
        _ if at + 1 == of => (WIDTH - LEFT, "end"),
        _ => (x + width / 2, "middle"),
    }
}

/// The days that are named: as many as fit.
fn labelled(points: &[Point]) -> impl Iterator<Item = (usize, &Point)> {
    let every = points.len().div_ceil(5).max(1);
    let last = points.len().saturating_sub(1);
    points
        .iter()
        .enumerate()
        .filter(move |(at, _)| *at == last || (at % every == 0 && at + every / 2 < last.max(1)) || *at == 0)
}

fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).expect("a String takes every write");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(value: Option<i64>) -> Point {
        Point { day: "1 Jan".to_owned(), value, shown: "<b>".to_owned() }
    }

    #[test]
    fn a_chart_is_drawn_within_its_room_and_says_what_it_shows() {
        let points: Vec<Point> = [None, Some(0), Some(1), Some(i64::MAX)].map(point).into();
        for style in [Style::Bars("good"), Style::Line] {
            let svg = chart("c", style, &points, "9", "Four days & <more>");
            assert!(svg.contains("<title id=\"c-t\">Four days &amp; &lt;more&gt;</title>"), "{svg}");
            assert!(!svg.contains("<b>") && !svg.contains("style="), "{svg}");
        }
        assert_eq!(height_of(i64::MAX, i64::MAX), HEIGHT - TOP - BOTTOM);
        assert_eq!((height_of(0, 9), height_of(1, i64::MAX)), (0, 1));
    }
}
