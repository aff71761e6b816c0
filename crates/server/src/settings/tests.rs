use std::io::Write;

use super::*;

fn read(variables: &[(&str, &str)]) -> Result<Settings, Mistakes> {
    read_as(Purpose::Dev, &Flags::default(), variables)
}

fn read_as(purpose: Purpose, flags: &Flags, variables: &[(&str, &str)]) -> Result<Settings, Mistakes> {
    Settings::read(
        purpose,
        flags,
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
}

fn file(text: &str) -> (tempfile::NamedTempFile, Flags) {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let flags = Flags { config: Some(file.path().to_owned()), ..Flags::default() };
    (file, flags)
}

const ADDRESS: &str = "an address and a port, as in 127.0.0.1:8080";

#[test]
fn every_wrong_value_is_refused_with_what_to_write() {
    let table = [
        ("LISTEN", "8080", ADDRESS),
        ("LISTEN", "localhost", ADDRESS),
        ("MIGRATE", "yes", "true or false"),
        ("RATE_LIMIT_PER_MINUTE", "-1", "a whole number from 0 to 10000000"),
        ("RATE_LIMIT_PER_SECOND", "many", "a whole number from 0 to 1000000"),
        ("WORKERS", "0", "a whole number from 1 to 512"),
        ("WRITERS", "2.5", "a whole number from 1 to 16"),
        ("READ_CONNECTIONS", "501", "a whole number from 1 to 500"),
        ("BATCH_LIMIT", "0", "a whole number from 1 to 1000"),
        ("QUEUE_LIMIT", "99999999999999999999", "a whole number from 1 to 1000000"),
        ("PROCESSOR_TIMEOUT_SECONDS", "30s", "a whole number from 1 to 300"),
        ("RECOVERY_INTERVAL_SECONDS", "0", "a whole number from 1 to 3600"),
        ("HEAD_TIMEOUT_SECONDS", "301", "a whole number from 1 to 300"),
        ("BODY_TIMEOUT_SECONDS", "x", "a whole number from 1 to 300"),
        ("KEEP_ALIVE_SECONDS", " 5", "a whole number from 1 to 3600"),
        ("SANDBOX_LATENCY_MS", "60001", "a whole number from 0 to 60000"),
        ("LOG", "florin=loud", "a filter, as in warn, or info,florin_engine=debug"),
        ("LOG_FORMAT", "xml", "text or json"),
    ];
    for (key, value, expected) in table {
        let name = format!("FLORIN_{key}");
        let message = read(&[(&name, value)]).unwrap_err().to_string();
        assert_eq!(message, format!("{name} is {value:?}: write {expected}"));
    }
}

#[test]
fn what_is_found_is_said_even_when_it_can_not_be_shown() {
    let url = format!("write {A_DATABASE_URL}");
    let table = [
        ("FLORIN_LISTEN", "", format!("FLORIN_LISTEN is empty: write {ADDRESS}")),
        ("FLORIN_SANDBOX_BOOKS", "", "FLORIN_SANDBOX_BOOKS is empty: write a path".to_owned()),
        ("FLORIN_DATABASE_URL", "", format!("FLORIN_DATABASE_URL is empty: {url}")),
        (
            "FLORIN_DATABASE_URL",
            "mysql://u:p@h/d",
            format!("FLORIN_DATABASE_URL is a \"mysql\" address: {url}"),
        ),
        (
            "FLORIN_DATABASE_URL",
            "me:secret",
            format!("FLORIN_DATABASE_URL is no address of a database: {url}"),
        ),
    ];
    for (name, value, message) in table {
        assert_eq!(read(&[(name, value)]).unwrap_err().to_string(), message);
    }
}

#[test]
fn unknown_variables_are_refused_with_what_was_meant() {
    let help = "remove it, or see `florin serve --help` for those there are";
    let table = [
        ("FLORIN_LISTN", "did you mean FLORIN_LISTEN?"),
        ("FLORIN_listen", "did you mean FLORIN_LISTEN?"),
        ("FLORIN_DATABASE", "did you mean FLORIN_DATABASE_URL?"),
        ("FLORIN_COLOUR", help),
    ];
    for (name, message) in table {
        let mistake = read(&[(name, "x")]).unwrap_err().to_string();
        assert_eq!(mistake, format!("{name} is not a setting of Florin: {message}"));
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let mistake = read(&[("FLORIN_CONFIG", "/no/such.toml")]).unwrap_err().to_string();
    assert!(mistake.starts_with("the settings file /no/such.toml can't be used: No such file"), "{mistake}");
}

#[test]
fn every_wrong_line_of_a_file_is_refused_by_name_with_what_to_write() {
    let table = [
        ("workers = \"many\"", "workers in FILE is \"many\": write a whole number from 1 to 512"),
        ("workers = 2.5", "workers in FILE is \"2.5\": write a whole number from 1 to 512"),
        ("workers = [1]", "workers in FILE is a list: write a whole number from 1 to 512"),
        ("migrate = 1", "migrate in FILE is \"1\": write true or false"),
        (
            "[database_url]\nhost = 1",
            "database_url in FILE is a table: write sqlite://PATH or postgres://USER@HOST/NAME, as in sqlite://florin.db",
        ),
        ("listn = 1", "listn in FILE is not a setting of Florin: did you mean listen?"),
        (
            "FLORIN_LISTEN = \"127.0.0.1:1\"",
            "FLORIN_LISTEN in FILE is not a setting of Florin: did you mean listen?",
        ),
        (
            "[server]\nlisten = 1",
            "server in FILE is not a setting of Florin: remove it, or see `florin serve --help` for those there are",
        ),
    ];
    for (text, message) in table {
        let (file, flags) = file(text);
        let mistakes = read_as(Purpose::Dev, &flags, &[]).unwrap_err().to_string();
        assert_eq!(mistakes.replace(&file.path().display().to_string(), "FILE"), message);
    }
}

#[test]
fn a_file_that_is_no_toml_is_refused_by_line_without_quoting_it() {
    let (_file, flags) = file("workers = 1\ndatabase_url = \"postgres://florin:geheim@db/florin\n");
    let message = read_as(Purpose::Dev, &flags, &[]).unwrap_err().to_string();
    assert!(message.contains("line 2"), "{message}");
    assert!(!message.contains("geheim"), "{message}");
}

#[test]
fn all_mistakes_are_told_at_once() {
    let mistakes =
        read_as(Purpose::Other, &Flags::default(), &[("FLORIN_WORKERS", "x"), ("FLORIN_LISTN", "x")]);
    let text = mistakes.unwrap_err().to_string();
    for part in [
        "3 settings are wrong:",
        "FLORIN_WORKERS",
        "FLORIN_LISTN",
        "FLORIN_DATABASE_URL is not set: write sqlite://",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn later_places_win_over_earlier_ones() {
    let (_file, mut flags) = file("listen = \"127.0.0.1:1\"\nworkers = 3\nmigrate = true\nlog = \"debug\"");
    let settings = read_as(Purpose::Other, &flags, &[("FLORIN_DATABASE_URL", "sqlite://a.db")]).unwrap();
    assert_eq!((settings.listen.port(), settings.workers, settings.migrate), (1, 3, true));
    assert_eq!((settings.log.as_str(), settings.log_format), ("debug", LogFormat::Json));

    let variables =
        [("FLORIN_DATABASE_URL", "sqlite://a.db"), ("FLORIN_LISTEN", "127.0.0.1:2"), ("FLORIN_WORKERS", "4")];
    let settings = read_as(Purpose::Other, &flags, &variables).unwrap();
    assert_eq!((settings.listen.port(), settings.workers), (2, 4));

    flags.listen = Some("127.0.0.1:3".parse().unwrap());
    flags.database_url = Some("sqlite://b.db".to_owned());
    let settings = read_as(Purpose::Other, &flags, &variables).unwrap();
    assert_eq!((settings.listen.port(), settings.workers), (3, 4));
    assert_eq!(settings.database_url.sqlite_path(), Some(std::path::Path::new("b.db")));
}

#[test]
fn dev_needs_no_settings_and_the_others_need_a_database() {
    let settings = read(&[]).unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.database_url.to_string(), "sqlite://florin-dev.db");
    assert_eq!(settings.sandbox_books, PathBuf::from("florin-dev.books"));
    assert_eq!(settings.log_format, LogFormat::Text);
    let missing = read_as(Purpose::Other, &Flags::default(), &[]).unwrap_err();
    assert_eq!(missing.0, [Mistake::Missing { key: "database_url", expected: A_DATABASE_URL }]);
}

#[test]
fn variables_of_scripts_and_of_other_programs_are_left_alone() {
    let variables =
        [("FLORIN_BIN", "x"), ("FLORIN_KEY", "x"), ("FLORIN_TEST_POSTGRES_URL", "x"), ("PATH", "x")];
    assert!(read(&variables).is_ok());
}

#[test]
fn the_password_of_the_database_is_never_shown() {
    let settings =
        read(&[("FLORIN_DATABASE_URL", "postgres://florin:geheim@db/florin?password=geheim")]).unwrap();
    assert!(!format!("{settings:?}").contains("geheim"));
    for wrong in ["postgers://florin:geheim@db", "florin:geheim@db://x", "geheim"] {
        let mistakes = read(&[("FLORIN_DATABASE_URL", wrong)]).unwrap_err();
        assert!(!format!("{mistakes} {mistakes:?}").contains("geheim"));
    }
}

#[test]
fn where_payers_and_the_mail_server_are_is_checked_and_no_password_is_shown() {
    let settings = read(&[]).unwrap();
    assert!(settings.requests.public_url.is_none() && settings.requests.mailer.is_none());
    let public_url = |url| read(&[("FLORIN_PUBLIC_URL", url)]).map(|settings| settings.requests.public_url);
    assert_eq!(public_url("https://pay.example.com/").unwrap().as_deref(), Some("https://pay.example.com"));
    for wrong in ["pay.example.com", "ftp://pay.example.com", "https://", "https://a b", "https://a/?b=c"] {
        let message = public_url(wrong).unwrap_err().to_string();
        assert!(message.contains("where payers reach this server"), "{message}");
    }
    let mail = |url, from| read(&[("FLORIN_SMTP_URL", url), ("FLORIN_SMTP_FROM", from)]);
    let good = "smtps://shop:secret@mail.example.com";
    let settings = mail(good, "Shop <pay@shop.example>").unwrap();
    assert!(!format!("{:?}", settings.requests.mailer.unwrap()).contains("secret"));
    for (url, from) in [("mail.example.com:secret", "pay@shop.example"), (good, "Shop")] {
        let message = mail(url, from).unwrap_err().to_string();
        assert!(message.contains("FLORIN_SMTP_") && !message.contains("secret"), "{message}");
    }
    let alone = read(&[("FLORIN_SMTP_URL", good)]).unwrap_err().to_string();
    assert!(alone.contains("FLORIN_SMTP_FROM") && !alone.contains("secret"), "{alone}");
}
