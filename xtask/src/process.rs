//! Child processes: quiet unless they fail, and never without a name in the error.

use std::{
    env,
    ffi::OsStr,
    fmt,
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use anstyle::{AnsiColor, Style};
use anyhow::{Context as _, Result, bail};
use nix::sys::{prctl, signal::Signal};

use crate::progress::Activity;

/// The colour of what went wrong.
pub const RED: Style = AnsiColor::Red.on_default().bold();
/// The colour of what went well.
pub const GREEN: Style = AnsiColor::Green.on_default().bold();

/// `text` in `style`; `anstream`'s macros take the colour away again where it would not be shown.
pub fn paint(text: &str, style: Style) -> String {
    format!("{style}{text}{style:#}")
}

/// The cargo that runs this xtask, without what `cargo run` left in the environment for the program it started.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (key, _) in env::vars_os() {
        let leftover = key.to_str().is_some_and(|key| {
            key.starts_with("CARGO_PKG_") || key.starts_with("CARGO_MANIFEST_") || key == "LD_LIBRARY_PATH"
        });
        if leftover {
            command.env_remove(key);
        }
    }
    command
}

/// The exit status of a program whose output nobody reads any more: that of one that SIGPIPE ends.
const UNREAD: i32 = 141;

/// Prints a line as `println!` does; but where nobody reads any more (`… | head`) that is the end, and no panic.
macro_rules! say {
    ($($text:tt)*) => { $crate::process::write_line(format_args!($($text)*)) };
}
pub(crate) use say;

/// See [`say!`].
pub fn write_line(text: fmt::Arguments<'_>) {
    if let Err(error) = writeln!(anstream::stdout(), "{text}")
        && error.kind() == io::ErrorKind::BrokenPipe
    {
        std::process::exit(UNREAD);
    }
}

/// Has the kernel end the command when the thread that starts it ends, whatever that dies of.
pub fn end_with_us(command: &mut Command) {
    let parent = nix::unistd::getpid();
    // SAFETY: both calls are system calls that allocate nothing, so they are allowed between fork and exec.
    unsafe {
        command.pre_exec(move || {
            prctl::set_pdeathsig(Signal::SIGKILL)?;
            if nix::unistd::getppid() == parent { Ok(()) } else { Err(io::Error::other("the parent is gone already")) }
        });
    }
}

/// The first program of that name on `PATH`.
pub fn find_program(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    let name = name.as_ref();
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// The command as one would type it.
pub fn spell(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

/// What the command prints, or an error with what it said on standard error.
pub fn output(command: &mut Command) -> Result<String> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("failed to start `{}`", spell(command)))?;
    if !output.status.success() {
        bail!("`{}` failed ({}): {}", spell(command), output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The command's exit status, or an error if it did not exit by itself.
pub fn exit_status(command: &mut Command) -> Result<u8> {
    let status = command.status().with_context(|| format!("failed to start `{}`", spell(command)))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.with_context(|| format!("`{}` ended with {status}", spell(command)))
}

/// Runs the command behind a spinner whose text is the latest line of standard error.
///
/// What the command says is shown when it fails, or when it warns.
pub fn run_quietly(command: &mut Command, activity: &Activity) -> Result<()> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("failed to start `{}`", spell(command)))?;
    let mut said = String::new();
    let stderr = child.stderr.take().expect("standard error is piped");
    for line in BufReader::new(stderr).split(b'\n') {
        let line = line.context("failed to read what the command says")?;
        let line = String::from_utf8_lossy(&line);
        activity.detail(line.trim());
        said.push_str(&line);
        said.push('\n');
    }
    let status = child.wait().context("failed to wait for the command")?;
    if !status.success() {
        bail!("`{}` failed ({status}):\n{}", spell(command), said.trim_end());
    }
    if said.contains("warning:") {
        activity.show(said.trim_end());
    }
    Ok(())
}
