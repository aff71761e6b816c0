//! All settings in one table: their names, defaults and meanings. Help and `docs/configuration.md` show it as it is.

use std::fmt::Write;

/// A setting as people see it.
pub(crate) struct Setting {
    /// Its name in a TOML file; in capitals and after `FLORIN_` that of its variable.
    pub(crate) key: &'static str,
    /// Its value when nobody sets it, as it would be written; none when there is none or it depends.
    pub(crate) default: Option<&'static str>,
    /// What `docs/configuration.md` says instead of a default where there is none.
    pub(crate) otherwise: &'static str,
    /// What it means, in one sentence.
    pub(crate) meaning: &'static str,
}

const fn setting(key: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting { key, default: Some(default), otherwise: "", meaning }
}

const fn without_default(key: &'static str, otherwise: &'static str, meaning: &'static str) -> Setting {
    Setting { key, default: None, otherwise, meaning }
}

/// All settings, in the order in which people look for them.
pub(crate) const SETTINGS: &[Setting] = &[
    without_default(
        "database_url",
        "required; `florin dev`: `sqlite://florin-dev.db`",
        "The database: `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/NAME`.",
    ),
    setting("listen", "127.0.0.1:8080", "Address and port to listen on; port 0 takes any free one."),
    without_default(
        "public_url",
        "`http://` or `https://` and the address to listen on",
        "Where payers reach this server: what the links of payment requests begin with, as in `https://pay.example.com`.",
    ),
    setting(
        "migrate",
        "false",
        "Whether `florin serve` migrates the database before it starts; `florin dev` always does.",
    ),
    setting("rate_limit_per_minute", "100", "Requests that one API key may make in a minute; 0 = no limit."),
    setting("rate_limit_per_second", "20", "Requests that one API key may make in a second; 0 = no limit."),
    without_default(
        "redis_url",
        "none: each process counts by itself",
        "Where processes count rate limits together: `redis://HOST`, `redis://USER:PASSWORD@HOST:PORT/DATABASE`, or \
        `rediss://…` for TLS.",
    ),
    without_default(
        "tls_certificate",
        "none: plain HTTP",
        "A PEM file with the certificate and those that vouch for it; read again when it changes, and on SIGHUP.",
    ),
    without_default("tls_key", "none", "A PEM file with the certificate's private key."),
    without_default("workers", "one for each processor core", "Threads that answer HTTP, 1 to 512."),
    without_default(
        "writers",
        "one for each processor core, at most 4",
        "Connections that write to PostgreSQL, 1 to 16; SQLite always has one.",
    ),
    setting("read_connections", "8", "Connections for reads that take long, 1 to 500."),
    setting("batch_limit", "256", "Changes that are saved by one commit at most, 1 to 1000."),
    setting(
        "queue_limit",
        "10000",
        "Changes that may wait to be saved, 1 to 1000000; beyond it callers are told `overloaded`.",
    ),
    setting(
        "processor_timeout_seconds",
        "30",
        "How long a processor may take to answer before the outcome counts as unknown, 1 to 300.",
    ),
    without_default(
        "credentials_key",
        "none: no processor account can be added or used, and nobody can have a second factor",
        "The key that processor accounts' credentials and users' second factors are encrypted with, as `openssl rand -hex 32` prints it; while it is \
        replaced, the new one, a comma, and the old one.",
    ),
    without_default(
        "trusted_proxies",
        "nobody",
        "Proxies that are believed about a caller's address (`X-Forwarded-For`), as addresses or networks with commas in \
        between: `10.0.0.7, fd00::/8`.",
    ),
    setting("access_token_seconds", "900", "How long a session's access token opens the API, 60 to 86400."),
    setting(
        "refresh_token_seconds",
        "2592000",
        "How long a refresh token that nobody uses gets new tokens, 60 to 31536000; 30 days when not set.",
    ),
    setting(
        "session_seconds",
        "7776000",
        "How long a session lasts, however often it is refreshed, 60 to 31536000; 90 days when not set.",
    ),
    setting(
        "passwords_at_once",
        "2",
        "How many passwords are hashed at once, 1 to 64; each takes a core and 19 MiB. Sixteen more may wait.",
    ),
    setting(
        "login_limit_per_minute",
        "60",
        "How often anybody may try to sign in from one address in a minute, right or wrong, 0 to 1000000; 0 = no limit. \
        Behind a proxy, set `FLORIN_TRUSTED_PROXIES`: all its visitors share one limit otherwise.",
    ),
    setting(
        "recovery_interval_seconds",
        "5",
        "How often attempts with an unknown outcome are looked for, 1 to 3600.",
    ),
    setting("webhook_timeout_seconds", "15", "How long a webhook endpoint may take to answer, 1 to 60."),
    without_default(
        "webhook_loopback",
        "`false`; `florin dev`: `true`",
        "Whether webhooks may be sent to this machine's own loopback addresses, also by plain http: for development.",
    ),
    setting(
        "event_retention_days",
        "90",
        "For how long events and their deliveries are kept, 1 to 3650; those that are still to be delivered stay.",
    ),
    without_default(
        "smtp_url",
        "none: payment requests are not sent by e-mail",
        "The mail server that payment requests are sent by: `smtps://USER:PASSWORD@HOST`, or \
        `smtp://USER:PASSWORD@HOST:587?tls=required` for STARTTLS.",
    ),
    without_default(
        "smtp_from",
        "required with `FLORIN_SMTP_URL`",
        "Who the e-mails come from, as in `Shop <pay@shop.example>`.",
    ),
    setting("head_timeout_seconds", "10", "How long the head of a request may take to arrive, 1 to 300."),
    setting("body_timeout_seconds", "10", "How long the body of a request may take to arrive, 1 to 300."),
    setting("keep_alive_seconds", "75", "How long an idle connection is kept open, 1 to 3600."),
    setting(
        "connection_limit",
        "10000",
        "Connections that are served at once, 1 to 1000000; what comes beyond is closed unanswered.",
    ),
    setting(
        "connection_limit_per_address",
        "1000",
        "Those of them that one address may have, 1 to 1000000; behind a proxy, which has one address, set it as high as \
        the limit of all.",
    ),
    setting(
        "request_limit",
        "4000",
        "Requests that are worked on at once, 8 to 1000000; from half of that on lists and exports are told \
        `overloaded`, beyond it everybody.",
    ),
    without_default(
        "shutdown_delay_seconds",
        "`5`; `florin dev`: `0`",
        "How long `/readyz` says 503 after SIGTERM before the server stops to listen, so that a load balancer can find out, \
        0 to 300.",
    ),
    without_default(
        "sandbox_books",
        "`florin-dev.books` beside `florin-dev.db`, and so on; `florin.books` with PostgreSQL",
        "The file in which the sandbox processor writes down what it was told to do.",
    ),
    setting("sandbox_latency_ms", "0", "How long the sandbox processor takes to answer, 0 to 60000."),
    setting(
        "log",
        "info,actix_server=warn",
        "What is logged, as a filter of `tracing`: `warn`, or `info,florin_engine=debug`.",
    ),
    without_default(
        "log_format",
        "`json`; `florin dev`: `text`",
        "How it is logged, on standard error: `json` or `text`.",
    ),
];

/// The name of a setting's variable.
pub(crate) fn variable(key: &str) -> String {
    format!("FLORIN_{}", key.to_ascii_uppercase())
}

/// The settings as the help shows them.
pub(crate) fn listing() -> String {
    let mut text =
        String::from("Settings, as environment variables (in a TOML file: lower case, without FLORIN_):\n");
    for setting in SETTINGS {
        let default = setting.default.unwrap_or(setting.otherwise);
        let plain = |text: &str| text.replace('`', "");
        write!(text, "  {}\n      {} [{}]\n", variable(setting.key), plain(setting.meaning), plain(default))
            .expect("a String takes every write");
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../../docs/configuration.md");

    #[test]
    fn the_configuration_page_shows_every_setting_as_it_is() {
        let mut table = String::from("| variable | default | meaning |\n| --- | --- | --- |\n");
        for setting in SETTINGS {
            let default =
                setting.default.map_or(setting.otherwise.to_owned(), |default| format!("`{default}`"));
            writeln!(table, "| `{}` | {default} | {} |", variable(setting.key), setting.meaning).unwrap();
        }
        assert!(PAGE.contains(&table), "docs/configuration.md should contain this table:\n{table}");
    }

    #[test]
    fn no_setting_is_listed_twice() {
        let mut keys: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), SETTINGS.len());
    }
}
