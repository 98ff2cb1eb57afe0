//! A Python with OpenAI's client: the one that `cargo xtask test` prepared, or the same made here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::{Running, build_folder, workspace};

/// The interpreter.
///
/// # Panics
/// With one sentence that says what to install, when there is none and none can be made: a test of the client that
/// does not run is a failed test.
pub(crate) fn interpreter() -> &'static Path {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match PYTHON.get_or_init(find_or_make) {
        Ok(python) => python,
        Err(sentence) => panic!("{sentence}"),
    }
}

/// Runs a piece of Python to its end: what it printed.
pub(crate) fn run_python(source: &str) -> String {
    let mut command = Command::new(interpreter());
    // No proxy of the environment stands between the client and the loopback interface.
    command.args(["-c", source]).env("NO_PROXY", "*");
    Running::start(command).finish().succeeded().stdout
}

fn find_or_make() -> Result<PathBuf, String> {
    if let Some(python) = std::env::var_os(VARIABLE) {
        let python = PathBuf::from(python);
        let message = format!(
            "{VARIABLE} is {}, which cannot `import openai`; unset it, and one is made in target/python",
            python.display()
        );
        return can_import(&python).then_some(python).ok_or(message);
    }
    make()
}

/// `target/python`, as `cargo xtask prepare` makes it: complete when a copy of the list of packages lies in it.
fn make() -> Result<PathBuf, String> {
    let list = workspace().join("xtask/requirements.txt");
    let wanted = fs::read(&list).map_err(|why| format!("cannot read {}: {why}", list.display()))?;
    let folder = build_folder().join("../python");
    let (python, stamp) = (folder.join("bin/python"), folder.join("requirements.txt"));
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) && can_import(&python) {
        return Ok(python);
    }
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", "--clear"]).arg(&folder);
    run(
        venv,
        "python3 cannot make a venv: install the Debian packages python3 and python3-venv",
    )?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet"])
        .args(["--disable-pip-version-check", "-r"])
        .arg(&list);
    run(
        pip,
        "pip cannot install OpenAI's client: check the network, and repeat with `cargo xtask prepare`",
    )?;
    fs::write(&stamp, &wanted).map_err(|why| format!("cannot write {}: {why}", stamp.display()))?;
    Ok(python)
}

fn can_import(python: &Path) -> bool {
    let mut import = Command::new(python);
    import.args(["-c", "import openai"]).stderr(Stdio::null());
    import.status().is_ok_and(|status| status.success())
}

fn run(mut command: Command, otherwise: &str) -> Result<(), String> {
    let done = command.output().is_ok_and(|output| output.status.success());
    done.then_some(()).ok_or_else(|| otherwise.to_owned())
}

/// The variable in which `cargo xtask test` names the interpreter.
const VARIABLE: &str = "PORTCULLIS_PYTHON";
