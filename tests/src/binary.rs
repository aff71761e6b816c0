//! The binary under test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The server's binary: the one that `FLORIN_BIN` names, or else a dev build made now.
///
/// # Panics
/// When it is not there or can't be built.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os("FLORIN_BIN") {
        Some(named) => {
            let named = PathBuf::from(named);
            assert!(named.is_file(), "FLORIN_BIN names {}, which is not there", named.display());
            named
        }
        None => build(),
    })
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let built = Command::new(cargo).args(["build", "--package", "florin"]).current_dir(&workspace).status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "the server could not be built; build it, or name a binary by FLORIN_BIN"
    );
    // This test's own binary is in `<target>/<profile>/deps`.
    let own = std::env::current_exe().expect("the system knows what it runs");
    let target = own.ancestors().nth(3).expect("cargo puts tests three folders below the target folder");
    let built = target.join("debug").join("florin");
    assert!(
        built.is_file(),
        "the server was built, and is not at {}; name it by FLORIN_BIN",
        built.display()
    );
    built
}

/// A command for the binary with a clean environment: no setting of the caller's gets in.
pub(crate) fn clean(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FLORIN_") {
            command.env_remove(name);
        }
    }
    command
}

/// What a command printed, and how it ended.
#[derive(Clone, Debug)]
pub struct Output {
    /// The exit status; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Runs a command to its end.
    pub(crate) fn of(mut command: Command) -> Output {
        command.output().unwrap_or_else(|error| panic!("can't run {command:?}: {error}")).into()
    }

    /// The first line of standard output.
    ///
    /// # Panics
    /// When the command failed.
    pub fn line(&self) -> &str {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout.lines().next().unwrap_or_default()
    }
}

impl From<std::process::Output> for Output {
    fn from(output: std::process::Output) -> Output {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Output { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}
