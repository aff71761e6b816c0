//! `florin processors`, beside a running server: accounts are added, used, disabled, and their credentials encrypted anew.

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Server, florin, folder, run, stderr, stdout};

const DATABASE: (&str, &str) = ("FLORIN_DATABASE_URL", "sqlite://florin.db");
/// Digits only, which a careless reader of settings takes for a number.
const OLD: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const NEW: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";
const SECRET: &str = "sk_live_51SecretSecret";

/// Runs the binary with something on its standard input.
fn run_with(folder: &Path, arguments: &[&str], key: &str, input: &str) -> Output {
    let mut command = florin(folder, arguments, &[DATABASE, ("FLORIN_CREDENTIALS_KEY", key)]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn succeed(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    stdout(output).trim().to_owned()
}

fn make_tenant(folder: &Path) -> String {
    assert!(run(folder, &["migrate"], &[DATABASE]).status.success());
    succeed(&run(folder, &["tenants", "create", "Shop"], &[DATABASE]))
}

#[test]
fn an_account_is_added_rotated_and_encrypted_anew_and_its_credentials_are_nowhere() {
    let folder = folder();
    let tenant = make_tenant(folder.path());
    let add =
        ["processors", "add", "--tenant", &tenant, "--mode", "live", "--connector", "stripe", "--name", "eu"];
    let credentials = format!(r#"{{"secret_key": "{SECRET}"}}"#);
    let mut said = String::new();
    let mut outputs = Vec::new();

    let keyless = run_with(folder.path(), &add, "", &credentials);
    assert!(stderr(&keyless).contains("openssl rand -hex 32"), "{}", stderr(&keyless));
    outputs.push(keyless);
    let added = run_with(folder.path(), &add, OLD, &credentials);
    let id = succeed(&added);
    assert!(id.starts_with("pacc_"), "{id}");
    let taken = run_with(folder.path(), &add, OLD, &credentials);
    assert!(stderr(&taken).contains("has this name"), "{}", stderr(&taken));
    let malformed = run_with(folder.path(), &add, OLD, &format!("{{{SECRET}"));
    assert!(stderr(&malformed).contains("JSON object"), "{}", stderr(&malformed));
    outputs.extend([added, taken, malformed]);

    let list = ["processors", "list", "--tenant", &tenant];
    let listed = succeed(&run_with(folder.path(), &list, OLD, ""));
    let columns: Vec<&str> = listed.split('\t').collect();
    assert_eq!(
        (columns[0], columns[1], columns[2], columns[3], columns[6]),
        (&*id, "live", "eu", "stripe", "enabled")
    );

    let rotate = ["processors", "rotate", &id];
    let rotated = run_with(folder.path(), &rotate, OLD, &credentials.replace("Secret", "Other"));
    succeed(&rotated);
    let both = format!("{NEW},{OLD}");
    let unknown = run_with(folder.path(), &["processors", "reencrypt"], NEW, "");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains(columns[5]), "it names the key: {}", stderr(&unknown));
    for expected in ["credentials of 1 of 1", "credentials of 0 of 1"] {
        let again = run_with(folder.path(), &["processors", "reencrypt"], &both, "");
        succeed(&again);
        assert!(stderr(&again).contains(expected), "{}", stderr(&again));
        outputs.push(again);
    }
    let listed = succeed(&run_with(folder.path(), &list, NEW, ""));
    assert!(!listed.contains(columns[5]), "another key: {listed}");
    outputs.extend([rotated, unknown]);

    outputs.iter().for_each(|output| said.push_str(&(stdout(output) + &stderr(output))));
    let database = std::fs::read(folder.path().join("florin.db")).unwrap();
    for secret in ["51Secret", "51Other", &OLD[..32], &NEW[..32]] {
        assert!(!said.contains(secret), "{said}");
        assert!(!database.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "{secret}");
    }
}

#[test]
fn a_server_uses_an_account_after_a_second_and_no_longer_once_it_is_disabled() {
    let folder = folder();
    let tenant = make_tenant(folder.path());
    let key =
        succeed(&run(folder.path(), &["keys", "create", "--tenant", &tenant, "--mode", "test"], &[DATABASE]));
    let settings = [DATABASE, ("FLORIN_CREDENTIALS_KEY", OLD), ("FLORIN_LISTEN", "127.0.0.1:0")];
    let server = Server::start(folder.path(), &["serve"], &settings);
    let processor = || {
        let body = r#"{"amount": 1000, "currency": "USD", "payment_method_id": "pm_test_success"}"#;
        server.call(&key, "POST /v1/payments", body).json["processor"].as_str().unwrap_or("none").to_owned()
    };
    let becomes = |expected: &str| {
        let began = Instant::now();
        while processor() != expected {
            assert!(began.elapsed() < Duration::from_secs(5), "{expected}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    assert_eq!(processor(), "sandbox");
    let add = |name: &str| {
        let add = [
            "processors",
            "add",
            "--tenant",
            &tenant,
            "--mode",
            "test",
            "--connector",
            "sandbox",
            "--name",
            name,
        ];
        succeed(&run_with(folder.path(), &add, OLD, "{}"))
    };
    let first = add("first");
    add("second");
    becomes("first");
    succeed(&run_with(folder.path(), &["processors", "disable", &first], OLD, ""));
    becomes("second");
    succeed(&run_with(folder.path(), &["processors", "enable", &first], OLD, ""));
    becomes("first");
    assert!(server.end().success());
}
