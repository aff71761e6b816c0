//! The files that pages refer to: in the binary, and under paths that change with their content.
//!
//! Whoever has a path may keep the file for ever, since another content has another path.

use std::sync::LazyLock;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use sha2::{Digest, Sha256};

/// Where all of them are.
const FOLDER: &str = "/assets/";

/// For a year, and never asked about again.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The files, by the names that templates call them by. Those of a version are in files of that version.
static ASSETS: &[(&str, &[u8])] = &[
    ("tokens.css", include_bytes!("../assets/tokens.css")),
    ("dashboard.css", include_bytes!("../assets/dashboard.css")),
    ("dashboard.js", include_bytes!("../assets/dashboard.js")),
    ("theme.js", include_bytes!("../assets/theme.js")),
    ("htmx.js", include_bytes!("../assets/htmx-2.0.11.min.js")),
    ("pay.css", include_bytes!("../assets/pay.css")),
    ("pay.js", include_bytes!("../assets/pay.js")),
    ("pay-stripe.js", include_bytes!("../assets/pay-stripe.js")),
    ("florin.svg", include_bytes!("../assets/florin.svg")),
];

/// A file and the path that it is served under.
struct Asset {
    name: &'static str,
    path: String,
    bytes: &'static [u8],
}

/// All of them.
static PATHS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let of =
        |&(name, bytes): &(&'static str, &'static [u8])| Asset { name, path: path_of(name, bytes), bytes };
    ASSETS.iter().map(of).collect()
});

fn path_of(name: &str, bytes: &[u8]) -> String {
    let digest = hex::encode(Sha256::digest(bytes));
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    format!("{FOLDER}{stem}.{}.{extension}", &digest[..16])
}

/// What a file is, by the end of its name.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

/// The path of a file by its name in `assets`, for templates.
///
/// # Panics
/// When there is no such file, which the first test of any page that names it shows.
pub(crate) fn asset(name: &str) -> &'static str {
    let found = PATHS.iter().find(|asset| asset.name == name);
    found.map(|asset| asset.path.as_str()).unwrap_or_else(|| panic!("there is no asset {name}"))
}

/// Serves a file.
pub(crate) async fn serve(request: actix_web::HttpRequest) -> HttpResponse {
    let Some(asset) = PATHS.iter().find(|asset| asset.path == request.path()) else {
        return HttpResponse::NotFound()
            .content_type("text/plain; charset=utf-8")
            .body("There is no such file.");
    };
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, content_type(asset.name)))
        .insert_header((header::CACHE_CONTROL, FOR_EVER))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .body(web::Bytes::from_static(asset.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_the_content() {
        let path = asset("dashboard.css");
        let digest = hex::encode(Sha256::digest(include_bytes!("../assets/dashboard.css")));
        assert_eq!(path, format!("/assets/dashboard.{}.css", &digest[..16]));
    }

    #[test]
    fn every_file_has_a_type() {
        for (name, _) in ASSETS {
            assert_ne!(content_type(name), "application/octet-stream", "{name}");
        }
    }

    #[test]
    fn htmx_is_the_file_that_npm_has() {
        let digest = hex::encode(Sha256::digest(include_bytes!("../assets/htmx-2.0.11.min.js")));
        assert_eq!(
            digest, "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
            "htmx is vendored as it is; a new version gets a new file name"
        );
    }
}
