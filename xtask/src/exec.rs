//! Child processes: described once, so that what failed can be printed for the reader to repeat.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::tally::Tally;
use crate::workspace;

/// A program with its arguments and the variables it needs, run in the root of the workspace.
pub(crate) struct Exec {
    program: String,
    args: Vec<String>,
    env: Vec<(&'static str, String)>,
    folder: PathBuf,
}

impl Exec {
    pub(crate) fn new(program: impl Into<String>, args: &[&str]) -> Self {
        let args = args.iter().map(ToString::to_string).collect();
        Self {
            program: program.into(),
            args,
            env: Vec::new(),
            folder: workspace::root().to_owned(),
        }
    }

    pub(crate) fn cargo(args: &[&str]) -> Self {
        Self::new("cargo", args)
    }

    #[must_use]
    pub(crate) fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    /// Runs it in another folder.
    #[must_use]
    pub(crate) fn folder(mut self, folder: &Path) -> Self {
        folder.clone_into(&mut self.folder);
        self
    }

    /// Runs it with our own streams.
    ///
    /// # Errors
    /// The program cannot be started, or does not exit with 0.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let status = self
            .command()
            .status()
            .map_err(|error| self.not_started(&error))?;
        if status.success() {
            Ok(())
        } else {
            Err(self.failed())
        }
    }

    /// Runs it, passes its standard output through, and adds libtest's result lines to `tally`.
    ///
    /// # Errors
    /// The program cannot be started, or does not exit with 0.
    pub(crate) fn run_counting(&self, tally: &mut Tally) -> Result<(), Failure> {
        let not_started = |error| self.not_started(&error);
        let mut child = self
            .command()
            .stdout(Stdio::piped())
            .spawn()
            .map_err(not_started)?;
        if let Some(output) = child.stdout.take() {
            pass_through(output, tally).map_err(not_started)?;
        }
        let status = child.wait().map_err(not_started)?;
        if status.success() {
            Ok(())
        } else {
            Err(self.failed())
        }
    }

    /// Its standard output as text, with standard error passed through.
    ///
    /// # Errors
    /// The program cannot be started, or does not exit with 0.
    pub(crate) fn output(&self) -> Result<String, Failure> {
        let output = self
            .command()
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| self.not_started(&error))?;
        if !output.status.success() {
            return Err(self.failed());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Whether it starts and exits with 0; it is silent.
    pub(crate) fn succeeds(&self) -> bool {
        let mut command = self.command();
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// The line to paste into a shell, from the root of the workspace.
    pub(crate) fn line(&self) -> String {
        if self.folder != workspace::root() {
            let folder = quoted(&text(&self.folder));
            return format!("cd {folder} && {}", self.words());
        }
        self.words()
    }

    fn words(&self) -> String {
        let env = self
            .env
            .iter()
            .map(|(name, value)| format!("{name}={}", quoted(value)));
        let program = std::iter::once(quoted(&self.program));
        let args = self.args.iter().map(|arg| quoted(arg));
        env.chain(program).chain(args).collect::<Vec<_>>().join(" ")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).current_dir(&self.folder);
        command.envs(
            self.env
                .iter()
                .map(|(name, value)| (OsStr::new(name), OsStr::new(value))),
        );
        command
    }

    fn not_started(&self, error: &io::Error) -> Failure {
        Failure::new(format!("cannot run `{}`: {error}", self.line()))
    }

    fn failed(&self) -> Failure {
        Failure::new(format!("failed; to repeat:\n  {}", self.line()))
    }
}

/// Whether a program of this name is in the search path.
pub(crate) fn is_installed(program: &str) -> bool {
    Exec::new(program, &["--version"]).succeeds()
}

/// Whether this process may install packages.
pub(crate) fn is_root() -> bool {
    let id = Exec::new("id", &["-u"]).output();
    id.is_ok_and(|id| id.trim() == "0")
}

/// A path as text; the paths of this workspace are ours, so a name that is not UTF-8 shows replaced.
pub(crate) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Line by line, so that a long test run is seen while it runs. Bytes, because a test may print any.
fn pass_through(output: impl io::Read, tally: &mut Tally) -> io::Result<()> {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        print!("{text}");
        tally.read(&text);
        line.clear();
    }
    Ok(())
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_to_repeat_is_what_a_shell_reads_back() {
        let exec = Exec::cargo(&["doc", "it's"]).env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(
            exec.line(),
            r"RUSTDOCFLAGS='-D warnings' cargo doc 'it'\''s'"
        );
    }

    #[test]
    fn the_line_to_repeat_names_another_folder() {
        let exec = Exec::new("true", &[]).folder(Path::new("/"));
        assert_eq!(exec.line(), "cd / && true");
    }

    #[test]
    fn result_lines_are_counted_while_the_output_passes() {
        let mut tally = Tally::default();
        let script = "echo 'test result: ok. 3 passed; 0 failed; 0 ignored'";
        Exec::new("sh", &["-c", script])
            .run_counting(&mut tally)
            .unwrap();
        assert_eq!(tally.to_string(), "3 passed, 0 failed");
    }

    #[test]
    fn a_program_that_exits_with_1_is_a_failure_that_names_it() {
        let failure = Exec::new("sh", &["-c", "exit 1"]).run().unwrap_err();
        assert_eq!(failure.to_string(), "failed; to repeat:\n  sh -c 'exit 1'");
    }

    #[test]
    fn a_program_that_is_missing_is_a_failure_that_names_it() {
        let failure = Exec::new("portcullis-no-such-program", &[])
            .run()
            .unwrap_err();
        assert!(
            failure
                .to_string()
                .starts_with("cannot run `portcullis-no-such-program`: ")
        );
        assert!(!is_installed("portcullis-no-such-program"));
    }
}
