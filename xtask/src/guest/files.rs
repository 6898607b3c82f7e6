//! This machine's files in a guest, read-only: virtiofsd serves them, and QEMU shows them as a device.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::{
        fd::{AsRawFd as _, RawFd},
        unix::{
            net::{UnixListener, UnixStream},
            process::CommandExt as _,
        },
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use nix::{
    fcntl::{FcntlArg, FdFlag, fcntl},
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};
use wakeproof_init::FILES_TAG;

use crate::process;

const PROGRAM: &str = "virtiofsd";
/// Where distributions keep it, beside the folders of `PATH`.
const PLACES: &[&str] = &["/usr/libexec", "/usr/lib", "/usr/lib/qemu", "/usr/lib64", "/usr/local/libexec"];
/// What the machine's description gets: the guest's memory is one that the daemon shares.
pub const MACHINE: &str = ",memory-backend=memory";
/// The daemon's socket, in the guest's folder.
const SOCKET: &str = "virtiofsd.socket";
/// What the daemon says.
const LOG: &str = "virtiofsd.log";

/// A daemon that serves this machine's files to one guest, and ends with it.
#[derive(Debug)]
pub struct Files {
    daemon: Child,
    /// To the daemon; QEMU's from its start on.
    connection: UnixStream,
    log: PathBuf,
}

/// The two daemons of that name, which take different words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Make {
    /// QEMU's own, up to version 7.
    C,
    /// The later one, a project of its own; whether it tells the guest of mount points unless told otherwise.
    Rust { tells: bool },
}

impl Files {
    /// Starts the daemon. Its socket is there before it is, so nobody has to wait for it.
    ///
    /// Must be called by a thread that lives as long as the guest: the kernel ends the daemon with its parent *thread*.
    pub fn serve(scratch: &Path) -> Result<Self> {
        let program = find()?;
        let make = Make::of(&program)?;
        // The path of a socket may be 107 bytes long, a folder's may be longer.
        let folder = File::open(scratch).with_context(|| format!("failed to open {}", scratch.display()))?;
        let socket = PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd()));
        let listener = UnixListener::bind(&socket).context("failed to make virtiofsd's socket")?;
        let connection = UnixStream::connect(&socket).context("failed to connect to virtiofsd's socket")?;
        let log = scratch.join(LOG);
        let output = File::create(&log).with_context(|| format!("failed to create {}", log.display()))?;

        let mut command = Command::new(&program);
        command.args(make.arguments(listener.as_raw_fd()));
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        process::end_with_us(&mut command);
        inherit(&mut command, listener.as_raw_fd());
        let root = become_root();
        // SAFETY: system calls with strings that are there already, and with paths so short that they take no memory, so this
        // is allowed between fork and exec.
        unsafe { command.pre_exec(move || read_only(&root)) };
        let daemon = command.spawn().with_context(|| {
            format!(
                "failed to start {} among files that may only be read; that takes Linux 5.12 or later, and root or user \
                 namespaces",
                program.display()
            )
        })?;
        Ok(Self { daemon, connection, log })
    }

    /// Hands the connection to QEMU.
    pub fn connect(&self, qemu: &mut Command) {
        inherit(qemu, self.connection.as_raw_fd());
    }

    /// What QEMU is told beside [`MACHINE`].
    pub fn arguments(&self, megabytes: u32) -> Vec<String> {
        arguments(self.connection.as_raw_fd(), megabytes)
    }

    /// What the daemon had to say.
    pub fn said(&self) -> Vec<String> {
        let text = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().map(|line| format!("{PROGRAM}: {line}")).collect()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

impl Make {
    /// By the words that the program's help knows.
    fn of(program: &Path) -> Result<Self> {
        let help = process::output(Command::new(program).arg("--help"))?;
        match help {
            help if help.contains("--shared-dir") => Ok(Self::Rust { tells: help.contains("--no-announce-submounts") }),
            help if help.contains("-o source=") => Ok(Self::C),
            _ => bail!("{} is a virtiofsd of a make that is not known here", program.display()),
        }
    }

    /// The whole of what the daemon sees, which [`read_only`] has made. No name space of its own: it is in ours already. A
    /// guest lives for seconds, and what is cached in it is taken not to change meanwhile. It is told of no mount points: an
    /// overlay does not look below those.
    fn arguments(self, listener: RawFd) -> Vec<String> {
        let words: &[&str] = match self {
            Self::C => &["-o", "source=/,sandbox=chroot,cache=always,log_level=warn,xattr"],
            Self::Rust { .. } => {
                &["--shared-dir=/", "--sandbox=chroot", "--cache=always", "--log-level=warn", "--xattr"]
            }
        };
        let quiet = (self == Self::Rust { tells: true }).then(|| "--no-announce-submounts".to_owned());
        words.iter().map(|&word| word.to_owned()).chain(quiet).chain([format!("--fd={listener}")]).collect()
    }
}

/// The device, and memory that the daemon can reach into.
fn arguments(connection: RawFd, megabytes: u32) -> Vec<String> {
    let words = [
        ["-object", &format!("memory-backend-memfd,id=memory,share=on,size={megabytes}M")],
        ["-chardev", &format!("socket,id=files,fd={connection}")],
        ["-device", &format!("vhost-user-fs-pci,chardev=files,tag={FILES_TAG}")],
    ];
    words.into_iter().flatten().map(str::to_owned).collect()
}

/// The daemon's program, or how to get one.
fn find() -> Result<PathBuf> {
    let elsewhere = || PLACES.iter().map(|place| Path::new(place).join(PROGRAM)).find(|path| path.is_file());
    process::find_program(PROGRAM).or_else(elsewhere).with_context(|| {
        format!(
            "showing a guest this machine's files needs {PROGRAM}, which is neither in PATH nor in {}: install the package \
             virtiofsd, on Debian 12 and Ubuntu 22.04 qemu-system-common",
            PLACES.join(", ")
        )
    })
}

/// Keeps a descriptor open in a command.
fn inherit(command: &mut Command, descriptor: RawFd) {
    // SAFETY: one system call, so this is allowed between fork and exec.
    unsafe {
        command.pre_exec(move || {
            let descriptor = std::os::fd::BorrowedFd::borrow_raw(descriptor);
            fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::empty())).map(drop).map_err(io::Error::from)
        });
    }
}

/// What has to be written into which files for a user to be root in a user namespace of their own; nothing, for root.
fn become_root() -> Vec<(&'static str, String)> {
    let (user, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
    if user.is_root() {
        return Vec::new();
    }
    vec![
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("0 {user} 1")),
        ("/proc/self/gid_map", format!("0 {group} 1")),
    ]
}

/// Moves this process into a mount namespace in which every file system may only be read, so that no guest can change
/// anything here whatever virtiofsd lets it do.
fn read_only(become_root: &[(&str, String)]) -> io::Result<()> {
    const NONE: Option<&str> = None;
    if !become_root.is_empty() {
        unshare(CloneFlags::CLONE_NEWUSER)?;
    }
    for (path, text) in become_root {
        File::options().write(true).open(path)?.write_all(text.as_bytes())?;
    }
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?;
    let read_only = libc::mount_attr { attr_set: libc::MOUNT_ATTR_RDONLY, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: a constant path and a struct of that size, which the kernel only reads.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            c"/".as_ptr(),
            libc::AT_RECURSIVE,
            &raw const read_only,
            size_of::<libc::mount_attr>(),
        )
    };
    nix::errno::Errno::result(done).map(drop).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_make_is_told_in_its_own_words() {
        assert_eq!(Make::C.arguments(7), ["-o", "source=/,sandbox=chroot,cache=always,log_level=warn,xattr", "--fd=7"]);
        let words = ["--shared-dir=/", "--sandbox=chroot", "--cache=always", "--log-level=warn", "--xattr"];
        assert_eq!(Make::Rust { tells: false }.arguments(7), [&words[..], &["--fd=7"]].concat());
        let words = [&words[..], &["--no-announce-submounts", "--fd=7"]].concat();
        assert_eq!(Make::Rust { tells: true }.arguments(7), words);
    }

    #[test]
    fn the_device_has_the_tag_that_the_guest_mounts() {
        let words = arguments(5, 512).join(" ");
        assert!(words.contains("size=512M") && words.contains("fd=5") && words.contains("tag=host"), "{words}");
    }

    #[test]
    fn the_daemon_can_write_nowhere() {
        let folder = tempfile::tempdir().expect("a folder");
        let to = folder.path().join("file");
        fs::write(&to, "before").expect("written");
        let mut command = Command::new("sh");
        command.args(["-c", "read line < \"$0\"; echo \"$line\"; echo after > \"$0\""]).arg(&to);
        let root = become_root();
        // SAFETY: as for the daemon.
        unsafe { command.pre_exec(move || read_only(&root)) };
        let output = match command.output() {
            Ok(output) => output,
            // Where a user may make no namespaces, nobody can be shown files.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return,
            Err(error) => panic!("{error}"),
        };
        assert!(!output.status.success(), "it could write");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "before\n", "but it could read");
        assert!(String::from_utf8_lossy(&output.stderr).contains("Read-only"), "for this reason");
        assert_eq!(fs::read_to_string(&to).expect("is there"), "before");
    }
}
