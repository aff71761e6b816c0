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

/// A file, as it stands in `assets`.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

/// All of them.
static ASSETS: &[Asset] = &[
    Asset {
        name: "dashboard.css",
        content_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../assets/dashboard.css"),
    },
    Asset {
        name: "dashboard.js",
        content_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/dashboard.js"),
    },
    Asset {
        name: "theme.js",
        content_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/theme.js"),
    },
    Asset {
        name: "htmx.js",
        content_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/htmx-2.0.11.min.js"),
    },
    Asset {
        name: "pay.css",
        content_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../assets/pay.css"),
    },
    Asset {
        name: "pay.js",
        content_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/pay.js"),
    },
    Asset {
        name: "pay-stripe.js",
        content_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/pay-stripe.js"),
    },
    Asset {
        name: "florin.svg",
        content_type: "image/svg+xml",
        bytes: include_bytes!("../assets/florin.svg"),
    },
];

/// The files with the paths that they are served under.
static PATHS: LazyLock<Vec<(String, &'static Asset)>> =
    LazyLock::new(|| ASSETS.iter().map(|asset| (path_of(asset), asset)).collect());

fn path_of(asset: &Asset) -> String {
    let digest = hex::encode(Sha256::digest(asset.bytes));
    let (stem, extension) = asset.name.rsplit_once('.').unwrap_or((asset.name, ""));
    format!("{FOLDER}{stem}.{}.{extension}", &digest[..16])
}

/// The path of a file by its name in `assets`, for templates.
///
/// # Panics
/// When there is no such file, which the first test of any page that names it shows.
pub(crate) fn asset(name: &str) -> &'static str {
    let found = PATHS.iter().find(|(_, asset)| asset.name == name);
    found.map(|(path, _)| path.as_str()).unwrap_or_else(|| panic!("there is no asset {name}"))
}

/// Serves a file.
pub(crate) async fn serve(request: actix_web::HttpRequest) -> HttpResponse {
    let Some((_, asset)) = PATHS.iter().find(|(path, _)| path == request.path()) else {
        return HttpResponse::NotFound()
            .content_type("text/plain; charset=utf-8")
            .body("There is no such file.");
    };
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, asset.content_type))
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
    fn htmx_is_the_file_that_npm_has() {
        let digest = hex::encode(Sha256::digest(include_bytes!("../assets/htmx-2.0.11.min.js")));
        assert_eq!(
            digest, "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
            "htmx is vendored as it is; a new version gets a new file name"
        );
    }
}
