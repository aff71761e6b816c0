//! What browsers are called in the list of sessions.

use actix_web::HttpRequest;
use florin_domain::Device;

/// What sessions are shown by in the list of one's own.
pub(crate) fn device(request: &HttpRequest) -> Device {
    let agent = request.headers().get("user-agent").and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let client_version = florin_domain::ClientVersion::parse(browser_of(agent)).ok();
    Device { device_id: florin_domain::DeviceId::parse("dashboard").ok(), client_version }
}

/// A browser as people call it, by what it says of itself.
fn browser_of(agent: &str) -> String {
    // The more special ones first: most call themselves by the others' names as well.
    const BROWSERS: [(&str, &str); 6] = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    const SYSTEMS: [(&str, &str); 6] = [
        ("Android", "Android"),
        ("iPhone", "an iPhone"),
        ("iPad", "an iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "a Mac"),
        ("Linux", "Linux"),
    ];
    let named = |known: [(&str, &'static str); 6]| {
        known.into_iter().find(|(part, _)| agent.contains(part)).map(|(_, name)| name)
    };
    match (named(BROWSERS), named(SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) => "Another browser".to_owned(),
    }
}
