//! The README's walk and the first minute of `docs/webhooks.md`: their lines run in a shell as they are written, and what
//! comes is in the form that is shown.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use florin_tests::{Database, Server, binary, free_port, wait_until};
use rstest::rstest;
use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The one line that is not run: what it makes, scripts/test has made already.
const MAKES_VENV: &str = "python3 -m venv .venv";
/// What ends the output of a line, before its status.
const MARK: &str = "\u{1}status";

/// A line of a page, and what it shows to come of it.
#[derive(Debug, Default)]
struct Step {
    command: String,
    shown: Vec<String>,
}

/// Which of the example receivers is run, as the README says.
#[derive(Clone, Copy, Debug)]
enum Language {
    Python,
    JavaScript,
    Rust,
}

impl Language {
    fn command(self) -> &'static str {
        match self {
            Language::Python => ".venv/bin/python examples/webhooks/receiver.py 4242",
            Language::JavaScript => "node examples/webhooks/receiver.mjs 4242",
            Language::Rust => "cargo run --package florin-tests --example webhook_receiver -- 4242",
        }
    }

    /// Puts what the receiver needs where the README has it, or says why that can't be done.
    fn prepare(self, folder: &Path) -> Result<(), &'static str> {
        let named = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
        let examples = folder.join("examples/webhooks");
        std::fs::create_dir_all(&examples).expect("a folder can be made");
        match self {
            Language::Python => {
                let python = named("FLORIN_TEST_WEBHOOKS_PYTHON")
                    .ok_or("FLORIN_TEST_WEBHOOKS_PYTHON names no Python with standardwebhooks")?;
                let venv = python.ancestors().nth(2).expect("a virtual environment has its Python in bin");
                symlink(venv, folder.join(".venv")).expect("a link can be made");
                let receiver = Path::new(ROOT).join("examples/webhooks/receiver.py");
                symlink(receiver, examples.join("receiver.py")).expect("a link can be made");
            }
            Language::JavaScript => {
                let receiver = named("FLORIN_TEST_WEBHOOKS_JAVASCRIPT")
                    .ok_or("FLORIN_TEST_WEBHOOKS_JAVASCRIPT names no receiver.mjs with its package")?;
                symlink(receiver, examples.join("receiver.mjs")).expect("a link can be made");
            }
            // Cargo has built it with the tests.
            Language::Rust => {}
        }
        Ok(())
    }
}

/// The steps of the code blocks between one text of a page and another.
fn steps(page: &str, from: &str, to: &str) -> Vec<Step> {
    let page = std::fs::read_to_string(Path::new(ROOT).join(page)).expect("the page is there");
    let (_, rest) = page.split_once(from).expect("the part is there");
    let (part, _) = rest.split_once(to).expect("another part follows");
    let mut steps: Vec<Step> = Vec::new();
    // The blocks are every other piece.
    for block in part.split("```").skip(1).step_by(2) {
        let (kind, lines) = block.split_once('\n').expect("a block has lines");
        let mut is_open = false;
        for line in lines.lines() {
            let begins = if kind == "sh" { Some(line) } else { line.strip_prefix("$ ") };
            match begins {
                _ if is_open => {
                    let step = steps.last_mut().expect("a line was begun");
                    step.command.push('\n');
                    step.command.push_str(line);
                }
                Some(line) => steps.push(Step { command: line.to_owned(), shown: Vec::new() }),
                None if line.is_empty() => {}
                None => steps.last_mut().expect("a line before").shown.push(line.to_owned()),
            }
            is_open = steps.last().is_some_and(|step| is_unfinished(&step.command));
        }
    }
    steps
}

/// Whether a shell would read on.
fn is_unfinished(command: &str) -> bool {
    let checked = Command::new("bash").args(["-n", "-c", command]).stderr(Stdio::null()).status();
    let ends_open = command.ends_with('\\') || command.ends_with('|');
    ends_open || !checked.expect("bash can be run").success()
}

/// A shell in which one line after the other is run, and its programs in the background go on.
struct Shell {
    child: Child,
    input: ChildStdin,
    output: Arc<Mutex<String>>,
}

impl Shell {
    fn start(folder: &Path) -> Shell {
        let mut command = Command::new("bash");
        command.current_dir(folder).env("HOME", folder).env("NO_PROXY", "*").env("PIP_NO_INDEX", "1");
        // Else Python writes a line piece by piece, and another program's output gets in between.
        command.env_remove("PYTHONUNBUFFERED");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("bash can be run");
        let mut stdout = child.stdout.take().expect("it was asked for");
        let output: Arc<Mutex<String>> = Arc::default();
        let noted = Arc::clone(&output);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = stdout.read(&mut bytes) {
                noted
                    .lock()
                    .expect("no test panics with it")
                    .push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        let input = child.stdin.take().expect("it was asked for");
        Shell { child, input, output }
    }

    fn output(&self) -> String {
        self.output.lock().expect("no test panics with it").clone()
    }

    /// Runs a line, which has to succeed; gives back what was printed meanwhile.
    async fn run(&mut self, line: &str) -> String {
        let before = self.output().len();
        writeln!(self.input, "{line}\nprintf '\\n{MARK} %d\\n' $?").expect("the shell reads");
        let rest = || self.output()[before..].to_owned();
        wait_until(line, 60, || rest().contains(MARK) && rest().ends_with('\n')).await;
        let rest = rest();
        assert!(rest.contains(&format!("{MARK} 0\n")), "{line}\n{rest}");
        rest
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the shell's output\n{}", self.output());
        }
        let _gone = writeln!(self.input, "kill $(jobs -p)\nexit");
        let _reaped = self.child.wait();
    }
}

/// What a page names, and what it is called in this run.
struct Names(HashMap<String, String>);

impl Names {
    fn new(server: &Server, port: u16) -> Names {
        let address = server.url().trim_start_matches("http://").to_owned();
        Names(HashMap::from([("127.0.0.1:8080".to_owned(), address), ("4242".to_owned(), port.to_string())]))
    }

    fn translate(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (shown, real)| text.replace(shown, real))
    }

    /// Holds an object's id against the one that is shown: the same kind, and the same one each time.
    fn check_id(&mut self, shown: &str, real: &str) {
        let kind = |id: &str| id.split('_').next().map(str::to_owned);
        assert!(is_id(real) && kind(shown) == kind(real), "{real} is shown as {shown}");
        let known = self.0.entry(shown.to_owned()).or_insert_with(|| real.to_owned());
        assert_eq!(known, real, "{shown} is two objects");
    }

    /// Holds a value against what is shown of it: nothing that is shown may be missing or otherwise.
    fn check(&mut self, shown: &Value, real: &Value) {
        match (shown, real) {
            (Value::Object(shown), Value::Object(fields)) => {
                for (name, shown) in shown {
                    self.check(
                        shown,
                        fields.get(name).unwrap_or_else(|| panic!("there is no {name}: {real}")),
                    );
                }
            }
            (Value::Array(shown), Value::Array(items)) => {
                assert_eq!(shown.len(), items.len(), "{real}");
                shown.iter().zip(items).for_each(|(shown, real)| self.check(shown, real));
            }
            (Value::String(shown), Value::String(text)) if is_id(shown) => self.check_id(shown, text),
            (Value::String(shown), Value::String(text)) => assert_eq!(&self.translate(shown), text),
            _ => assert_eq!(shown, real),
        }
    }

    /// Whether the receiver has printed such a line.
    fn has_line(&mut self, shown: &str, output: &str) -> bool {
        let words: Vec<&str> = shown.split(' ').collect();
        let [verified @ "verified", kind, event, object] = words[..] else {
            return output.contains(&self.translate(shown));
        };
        let begin = format!("{verified} {kind} ");
        let end = format!(" {}", self.translate(object));
        // An answer ends without the end of a line, so that the receiver may go on in its line.
        let mut lines = output.lines().filter_map(|line| line.find(&begin).map(|at| &line[at..]));
        let Some(line) = lines.find(|line| line.ends_with(&end)) else { return false };
        self.check_id(event, line.split(' ').nth(2).expect("a line has an event"));
        true
    }
}

/// As `pay_01m8054xsye1v9nq6n9vr7b3xk`.
fn is_id(text: &str) -> bool {
    let is_random =
        |random: &str| random.len() == 26 && random.bytes().all(|byte| byte.is_ascii_alphanumeric());
    text.split_once('_').is_some_and(|(_, random)| is_random(random))
}

/// Holds what was printed against what is shown.
async fn check_output(shell: &Shell, names: &mut Names, shown: &[String], printed: &str) {
    let is_receivers = |line: &&String| line.starts_with("listening ") || line.starts_with("verified ");
    let (of_receiver, answer): (Vec<&String>, Vec<&String>) = shown.iter().partition(is_receivers);
    if !answer.is_empty() {
        let answer: String = answer.into_iter().map(String::as_str).collect();
        let shown: Value = serde_json::from_str(&answer.replace(", …", ""))
            .unwrap_or_else(|error| panic!("{error}: {answer}"));
        let begin = printed.find('{').unwrap_or_else(|| panic!("no answer: {printed}"));
        // The receiver may print while an answer is shown.
        let mut values = serde_json::Deserializer::from_str(&printed[begin..]).into_iter::<Value>();
        let real = values.next().expect("an answer").unwrap_or_else(|error| panic!("{error}: {printed}"));
        names.check(&shown, &real);
    }
    for line in of_receiver {
        wait_until(line, 30, || names.has_line(line, &shell.output())).await;
    }
}

/// A server, and a shell beside it in a folder with what the pages need.
fn start(language: Language) -> Option<(Database, Server, Shell, Names)> {
    let database = Database::sqlite();
    let folder = database.folder();
    if let Err(reason) = language.prepare(folder) {
        eprintln!("not run: {reason}");
        return None;
    }
    let server = database.launch().start();
    let (shell, names) = (Shell::start(folder), Names::new(&server, free_port()));
    Some((database, server, shell, names))
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_walk_goes_as_it_is_written_within_a_minute(
    #[values(Language::Python, Language::JavaScript, Language::Rust)] language: Language,
) {
    let started = Instant::now();
    let Some((_database, _server, mut shell, mut names)) = start(language) else { return };
    let steps = steps("README.md", "## A walk", "## Test payment methods");
    assert_eq!(steps.iter().filter(|step| step.command.starts_with("curl")).count(), 8, "{steps:#?}");
    let readme = std::fs::read_to_string(Path::new(ROOT).join("README.md")).expect("it is there");
    assert!(readme.contains(language.command()), "the README does not tell of {language:?}");
    // Cargo's own command is run as what it would build.
    let own = std::env::current_exe().expect("the system knows what it runs");
    let profile = own.ancestors().nth(2).expect("cargo puts tests two folders below the profile's");
    let built = profile.join("examples/webhook_receiver").display().to_string();
    for step in steps {
        let is_of_python = step.command.starts_with(".venv/bin/pip");
        if step.command == MAKES_VENV || is_of_python && !matches!(language, Language::Python) {
            continue;
        }
        let command = step.command.replace(Language::Python.command(), language.command());
        let command =
            command.replace("cargo run --package florin-tests --example webhook_receiver --", &built);
        let printed = shell.run(&names.translate(&command)).await;
        check_output(&shell, &mut names, &step.shown, &printed).await;
    }
    let output = shell.output();
    assert!(output.contains("verified payment.succeeded") && !output.contains("refused"), "{output}");
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_minute_with_webhooks_goes_as_it_is_written() {
    let Some((database, server, mut shell, names)) = start(Language::Python) else { return };
    let programs = database.folder().join("programs");
    std::fs::create_dir(&programs).expect("a folder can be made");
    symlink(binary(), programs.join("florin")).expect("a link can be made");
    shell
        .run(&format!(
            "PATH={}:$PATH FLORIN_SERVER={}; export FLORIN_SERVER",
            programs.display(),
            server.url()
        ))
        .await;
    let steps = steps("docs/webhooks.md", "## In a minute", "The receiver prints");
    assert!(steps.iter().any(|step| step.command.starts_with("florin trigger")), "{steps:#?}");
    for step in steps.iter().filter(|step| step.command != MAKES_VENV) {
        shell.run(&names.translate(&step.command)).await;
    }
    let output = || shell.output();
    wait_until("the event", 30, || output().contains("verified payment.succeeded ")).await;
    assert!(!output().contains("refused"), "{}", output());
}
