//! The commands of the real binary: what they print, refuse, and end with.

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use crate::support::{Server, florin, folder, receive, run, send, stderr, stdout};
use diesel::connection::SimpleConnection;
use florin_storage::{AnyConnection, DatabaseUrl};

const DATABASE: (&str, &str) = ("FLORIN_DATABASE_URL", "sqlite://florin.db");
const KEY: &str = "sk_test_1234567890abcdefghijklmnop";

#[test]
fn serve_says_which_setting_is_missing() {
    let folder = folder();
    let output = run(folder.path(), &["serve"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "error: FLORIN_DATABASE_URL is not set: \
         write sqlite://PATH or postgres://USER@HOST/NAME, as in sqlite://florin.db\n"
    );
}

#[test]
fn serve_neither_makes_nor_migrates_a_database_by_itself() {
    let folder = folder();
    let output = run(folder.path(), &["serve"], &[DATABASE]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("there is no database florin.db"), "{}", stderr(&output));
    assert!(!folder.path().join("florin.db").exists());

    std::fs::write(folder.path().join("florin.db"), "").unwrap();
    let output = run(folder.path(), &["serve"], &[DATABASE]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("migrate"), "{}", stderr(&output));
}

#[test]
fn serve_migrates_when_it_is_told_to() {
    let folder = folder();
    let settings = [DATABASE, ("FLORIN_MIGRATE", "true"), ("FLORIN_LISTEN", "127.0.0.1:0")];
    let server = Server::start(folder.path(), &["serve"], &settings);
    assert_eq!(server.call(KEY, "GET /readyz", "").status, 200);
    assert_eq!(server.call(KEY, "GET /v1/payments", "").status, 401, "serve has no sandbox");
    assert!(server.end().success());
}

/// Runs a command with a line on standard input.
fn run_with_input(folder: &Path, arguments: &[&str], line: &str) -> Output {
    let mut command = florin(folder, arguments, &[DATABASE]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn users_are_made_with_a_password_from_standard_input_sign_in_and_are_disabled() {
    let folder = folder();
    let florin = |arguments: &[&str]| {
        let output = run(folder.path(), arguments, &[DATABASE]);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        stdout(&output).trim().to_owned()
    };
    florin(&["migrate"]);
    let tenant = florin(&["tenants", "create", "Example GmbH"]);
    let add = ["users", "add", "--tenant", &tenant, "--email", "Ada@Example.com", "--role", "operator"];
    let short = run_with_input(folder.path(), &add, "short");
    assert_eq!(short.status.code(), Some(2));
    assert!(stderr(&short).contains("12 characters") && !stderr(&short).contains("short\n"));
    let added = run_with_input(folder.path(), &add, "correct horse battery");
    assert!(added.status.success(), "{}", stderr(&added));
    let user = stdout(&added).trim().to_owned();
    assert!(
        !run_with_input(folder.path(), &add, "correct horse battery").status.success(),
        "the address is taken"
    );
    let listed = florin(&["users", "list", "--tenant", &tenant]);
    assert_eq!(listed, format!("{user}\tada@example.com\t\toperator\tenabled\ttotp off"));

    let server = Server::start(folder.path(), &["serve", "--listen", "127.0.0.1:0"], &[DATABASE]);
    let sign_in = |password: &str| {
        let body = format!(r#"{{"email": "ada@example.com", "password": "{password}"}}"#);
        let mut stream = server.connect();
        let length = body.len();
        write!(
            stream,
            "POST /v1/auth/token HTTP/1.1\r\nhost: florin\r\ncontent-type: application/json\r\ncontent-length: \
             {length}\r\n\r\n{body}"
        )
        .unwrap();
        receive(&mut stream)
    };
    assert_eq!(sign_in("wrong").status, 401);
    let session = sign_in("correct horse battery").json;
    let access = session["access_token"].as_str().unwrap();
    assert_eq!(server.call(access, "GET /v1/payments", "").status, 200);
    let reset = run_with_input(folder.path(), &["users", "reset-password", &user], "staple correct horse");
    assert!(reset.status.success(), "{}", stderr(&reset));
    assert_eq!(server.call(access, "GET /v1/payments", "").status, 401, "in another process, at once");
    assert_eq!(sign_in("staple correct horse").status, 201);
    florin(&["users", "disable", &user]);
    assert_eq!(sign_in("staple correct horse").status, 401);
    florin(&["users", "enable", &user]);
    assert_eq!(sign_in("staple correct horse").status, 201);
    florin(&["users", "drop-totp", &user]);
    assert_eq!(server.end().code(), Some(0));
    assert!(florin(&["verify"]).is_empty());
}

/// The versions in the names of the folders of SQLite's migrations, in order.
fn versions_of_migrations() -> Vec<String> {
    let folders = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/sqlite")).unwrap();
    let version = |name: String| name.split_once('_').unwrap().0.to_owned();
    let mut versions: Vec<String> =
        folders.map(|folder| version(folder.unwrap().file_name().into_string().unwrap())).collect();
    versions.sort();
    versions
}

#[test]
fn tenants_and_keys_are_made_listed_and_revoked() {
    let folder = folder();
    let florin = |arguments: &[&str]| {
        let output = run(folder.path(), arguments, &[DATABASE]);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        output
    };
    let all: String = versions_of_migrations().iter().map(|version| format!("applied {version}\n")).collect();
    assert_eq!(stdout(&florin(&["migrate"])), all);
    assert!(stdout(&florin(&["migrate"])).starts_with("nothing to apply"));
    let tenant = stdout(&florin(&["tenants", "create", "Example GmbH"])).trim().to_owned();
    assert_eq!(stdout(&florin(&["tenants", "list"])), format!("{tenant}\tExample GmbH\n"));

    let scope = ["--scope", "payments:read"];
    let create = florin(&[&["keys", "create", "--tenant", &tenant, "--mode", "test"], &scope[..]].concat());
    let key = stdout(&create).trim().to_owned();
    assert!(key.starts_with("sk_test_") && !stderr(&create).contains(&key));
    let listed = stdout(&florin(&["keys", "list", "--tenant", &tenant]));
    let columns: Vec<&str> = listed.trim_end().split('\t').collect();
    assert_eq!(
        columns[1..],
        ["test", "", &format!("sk_test_…{}", &key[key.len() - 4..]), "payments:read", "active", "never used"]
    );
    assert!(!listed.contains(&key));

    let server = Server::start(folder.path(), &["serve", "--listen", "127.0.0.1:0"], &[DATABASE]);
    assert_eq!(server.call(&key, "GET /v1/payments", "").status, 200);
    assert_eq!(server.call(&key, "POST /v1/payments", "{}").status, 403, "it may only read");
    let rotated = florin(&["keys", "rotate", columns[0], "--overlap-seconds", "3600"]);
    let successor = stdout(&rotated).trim().to_owned();
    assert_eq!(server.call(&successor, "GET /v1/payments", "").status, 200);
    assert_eq!(server.call(&key, "GET /v1/payments", "").status, 200, "they overlap");
    florin(&["keys", "revoke", columns[0]]);
    assert_eq!(server.call(&key, "GET /v1/payments", "").status, 401, "at once");
    assert_eq!(server.call(&successor, "GET /v1/payments", "").status, 200);
    assert!(server.end().success());
    let listed = stdout(&florin(&["keys", "list", "--tenant", &tenant]));
    let of_successor = listed.lines().nth(1).unwrap();
    assert!(of_successor.contains("\tactive\tused 20"), "it is written down at the end: {listed}");
    assert!(run(folder.path(), &["verify"], &[DATABASE]).status.success());
}

#[test]
fn a_tenant_is_renamed_and_set_up_for_each_mode() {
    let folder = folder();
    let florin = |arguments: &[&str]| {
        let output = run(folder.path(), arguments, &[DATABASE]);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        stdout(&output)
    };
    florin(&["migrate"]);
    let tenant = florin(&["tenants", "create", "Example"]).trim().to_owned();
    florin(&["tenants", "rename", &tenant, "Example GmbH"]);
    let set = ["tenants", "set", &tenant, "--mode", "live", "--currencies", "usd,EUR"];
    florin(&[&set[..], &["--rate-limit-per-minute", "600"]].concat());
    florin(&["tenants", "set", &tenant, "--mode", "live", "--rate-limit-per-second", "0"]);
    let own = "the server's own";
    assert_eq!(
        florin(&["tenants", "show", &tenant]),
        format!(
            "{tenant}\tExample GmbH\n\
             test\tcurrencies all\tlimit a minute: {own}\tlimit a second: {own}\n\
             live\tcurrencies EUR,USD\tlimit a minute: 600\tlimit a second: none\n"
        )
    );
    assert!(run(folder.path(), &["verify"], &[DATABASE]).status.success());
}

#[test]
fn what_is_not_there_is_named() {
    let folder = folder();
    assert!(run(folder.path(), &["migrate"], &[DATABASE]).status.success());
    let id = "01jgfjjz00e008000000000009";
    let table = [
        (vec!["keys", "list", "--tenant", "TEN"], "there is no tenant TEN"),
        (vec!["keys", "create", "--mode", "test", "--tenant", "TEN"], "there is no tenant TEN"),
        (vec!["keys", "revoke", "KEY"], "there is no key KEY"),
        (vec!["tenants", "create", ""], "the name has 0 characters: write 1 to 200"),
    ];
    for (arguments, message) in table {
        let named =
            |text: &str| text.replace("TEN", &format!("ten_{id}")).replace("KEY", &format!("key_{id}"));
        let arguments: Vec<String> = arguments.iter().map(|argument| named(argument)).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = run(folder.path(), &arguments, &[DATABASE]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(&named(message)), "{}", stderr(&output));
    }
}

#[test]
fn verify_ends_with_0_when_clean_with_1_when_not_and_with_2_without_a_database() {
    let folder = folder();
    let verify = || run(folder.path(), &["verify", "--database-url", "sqlite://florin-dev.db"], &[]);
    assert_eq!(verify().status.code(), Some(2));

    let server = Server::dev(folder.path(), &[]);
    let body = r#"{"amount": 1000, "currency": "USD", "payment_method_id": "pm_test_success"}"#;
    assert_eq!(server.call(KEY, "POST /v1/payments", body).status, 201);
    assert!(server.end().success());
    let clean = verify();
    assert_eq!((clean.status.code(), stdout(&clean)), (Some(0), String::new()));
    assert!(stderr(&clean).starts_with("1 payments, 0 refunds, 1 attempts"), "{}", stderr(&clean));

    let mut connection = DatabaseUrl::Sqlite(folder.path().join("florin-dev.db")).connect().unwrap();
    let AnyConnection::Sqlite(sqlite) = &mut connection else { unreachable!("it is named so") };
    sqlite.batch_execute("UPDATE payments SET amount_refunded = 1").unwrap();
    drop(connection);
    let violated = verify();
    assert_eq!(violated.status.code(), Some(1));
    assert!(stdout(&violated).lines().count() >= 1);
    assert!(stdout(&violated).contains("pay_"), "{}", stdout(&violated));
}

#[test]
fn a_file_is_served_by_one_server_at_a_time() {
    let folder = folder();
    let mut first = Server::dev(folder.path(), &[]);
    let second = run(folder.path(), &["dev", "--listen", "127.0.0.1:0"], &[]);
    assert_eq!(second.status.code(), Some(2));
    assert!(stderr(&second).contains("another server is serving florin-dev.db"), "{}", stderr(&second));

    first.signal("KILL");
    first.wait();
    assert!(Server::dev(folder.path(), &[]).end().success(), "nothing is left of a server that was killed");
}

#[test]
fn an_address_in_use_is_named() {
    let (one, other) = (folder(), folder());
    let server = Server::dev(one.path(), &[]);
    let refused = run(other.path(), &["dev", "--listen", &server.address], &[]);
    assert_eq!(refused.status.code(), Some(2));
    let message = format!("error: can't listen on {}: Address already in use", server.address);
    assert!(stderr(&refused).contains(&message), "{}", stderr(&refused));
    let mut stream = server.connect();
    send(&mut stream, KEY, "GET /healthz", "");
    assert!(server.end().success());
}
