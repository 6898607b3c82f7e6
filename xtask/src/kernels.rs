//! Kernels to run in guests: which there are, which are here, and how to get one.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use crate::{
    command_line::wrong,
    guest,
    process::{self, say},
    workspace::Workspace,
};

mod apt;
mod archive;
mod check;
mod choice;
mod list;
mod matrix;
mod modules;
mod store;

pub use choice::several;
pub use matrix::{DISTRIBUTION, HOST, Matrix};
use matrix::{Entry, GUEST};
pub use store::Kernel;

/// What to do with the kernels.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the kernels of the matrix: what the mirror offers, what is fetched, and what booting it has shown
    List {
        /// Ask no mirror: show only what is here
        #[arg(long)]
        offline: bool,
    },
    /// Fetch the newest kernel of each series named; of all if none is named
    Fetch {
        /// Series as `list` shows them, guest, oldest, newest, all, lists such as 5.10,6.1 or ranges such as 6.12..7.1
        #[arg(value_name = "KERNEL")]
        kernels: Vec<String>,
    },
    /// Boot each kernel named, or all if none is, and say what it allows; `list` remembers the answers
    Check {
        /// Series as `list` shows them, guest, oldest, newest, all, lists such as 5.10,6.1, ranges such as 6.12..7.1, or
        /// paths of images
        #[arg(value_name = "KERNEL")]
        kernels: Vec<String>,
        #[command(flatten)]
        guest: guest::Options,
    },
}

/// Lists, fetches or checks.
pub fn main(args: &Args) -> Result<ExitCode> {
    let workspace = Workspace::locate();
    let matrix = Matrix::load(&workspace)?;
    match &args.action {
        Action::List { offline } => list::list(&workspace, &matrix, *offline),
        Action::Fetch { kernels } => return fetch(&workspace, &matrix, kernels),
        Action::Check { kernels, guest } => return check::check(&workspace, &matrix, kernels, guest),
    }
    Ok(ExitCode::SUCCESS)
}

/// Fetches each; what cannot be had is told, and the others are fetched all the same.
fn fetch(workspace: &Workspace, matrix: &Matrix, words: &[String]) -> Result<ExitCode> {
    let mut entries = vec![];
    for name in choice::guests(matrix, words)? {
        if image(&name)?.is_some() {
            return Err(wrong(anyhow!("{name} is an image, which needs no fetching: name series of ci/kernels.toml")));
        }
        entries.push(matrix.find(&name)?);
    }
    let mut missing = 0;
    for entry in entries {
        match store::fetch(workspace, entry) {
            Ok(kernel) => {
                let without = kernel.lacks().map(|package| format!(" (without modules: the mirror has no {package})"));
                say!("{:<14} {}{}", entry.series, kernel.summary(), without.unwrap_or_default());
            }
            Err(error) => {
                missing += 1;
                anstream::eprintln!("{}: {}: {error:#}", process::paint("error", process::RED), entry.series);
                if let Some(kernel) = store::fetched(workspace, entry) {
                    say!("{:<14} {} (fetched earlier, and still here)", entry.series, kernel.summary());
                }
            }
        }
    }
    Ok(ExitCode::from(u8::from(missing > 0)))
}

/// The kernel that `--kernel` names: a file, or a series, fetched if it is not here.
pub fn obtain(workspace: &Workspace, name: &str) -> Result<Kernel> {
    Ok(find(workspace, name)?.0)
}

/// The same with the modules that show it the host's files.
pub fn obtain_for_files(workspace: &Workspace, name: &str) -> Result<Kernel> {
    match find(workspace, name)? {
        (kernel, Some(entry)) => store::complete(workspace, &entry, kernel),
        (kernel, None) => Ok(kernel),
    }
}

/// The kernel, and its entry in the list if it has one.
fn find(workspace: &Workspace, name: &str) -> Result<(Kernel, Option<Entry>)> {
    let matrix = Matrix::load(workspace)?;
    match several(&matrix, name)?.as_deref() {
        None => {}
        Some([one]) => return find(workspace, one),
        Some(many) => {
            let many = many.join(", ");
            return Err(wrong(anyhow!("`{name}` names several kernels, and one is run here: name one of {many}")));
        }
    }
    if let Some(path) = image(name)? {
        return Ok((Kernel::from_file(path), None));
    }
    let entry = matrix.find(name).map_err(wrong)?.clone();
    if !entry.is_guest() {
        return Err(wrong(anyhow!(
            "`{name}` is the running kernel, and this runs in a guest: name a kernel for it, such as `{GUEST}`"
        )));
    }
    if let Some(kernel) = store::fetched(workspace, &entry) {
        return Ok((kernel, Some(entry)));
    }
    let kernel = store::fetch(workspace, &entry).with_context(|| {
        format!("failed to fetch the kernel `{name}`; a kernel image of your own can be given with `--kernel PATH`")
    })?;
    Ok((kernel, Some(entry)))
}

/// The image that this names, if it names none of the list: what has a slash, or is a file.
fn image(name: &str) -> Result<Option<PathBuf>> {
    let path = PathBuf::from(name);
    if path.is_file() {
        ensure!(
            is_kernel(&path).with_context(|| format!("failed to read {name}"))?,
            "{name} is no kernel that a guest can run: it is neither a bzImage nor an ELF vmlinux for x86-64"
        );
        return Ok(Some(path));
    }
    if !name.contains('/') {
        return Ok(None);
    }
    ensure!(path.is_dir(), "there is no kernel image at {name}");
    match IMAGES.map(|image| path.join(image)).iter().find(|image| image.is_file()) {
        Some(image) => bail!("{name} is a folder: did you mean {}?", image.display()),
        None => bail!("{name} is a folder, and has neither {}: name a kernel's image", IMAGES.join(" nor ")),
    }
}

/// Where a kernel's folder has its image once it is built.
const IMAGES: [&str; 2] = ["arch/x86/boot/bzImage", "vmlinux"];

/// Whether this begins as a bzImage does, or as an ELF program of x86-64 at fixed addresses.
fn is_kernel(path: &Path) -> std::io::Result<bool> {
    let mut head = vec![];
    File::open(path)?.take(0x206).read_to_end(&mut head)?;
    let has = |place: usize, bytes: &[u8]| head.get(place..).is_some_and(|rest| rest.starts_with(bytes));
    // Magic and class; `ET_EXEC` and `EM_X86_64`, which follow each other.
    Ok(has(0x202, b"HdrS") || has(0, b"\x7fELF\x02") && has(0x10, &[2, 0, 62, 0]))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The least that passes for a bzImage.
    pub fn bz_image() -> Vec<u8> {
        [vec![0; 0x202], b"HdrS".to_vec()].concat()
    }

    #[test]
    fn only_images_are_images() {
        let folder = tempfile::tempdir().expect("a folder");
        let asked = |contents: &[u8]| {
            let path = folder.path().join("image");
            fs::write(&path, contents).expect("a file");
            image(path.to_str().expect("text"))
        };
        assert!(asked(&bz_image()).is_ok());
        assert!(asked(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0").is_ok());
        for wrong in [&b""[..], b"# Wakeproof", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0"] {
            let error = asked(wrong).expect_err("no image").to_string();
            assert!(error.contains("neither a bzImage nor an ELF vmlinux"), "{error}");
        }
    }

    #[test]
    fn a_folder_is_answered_with_the_image_in_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let answer = || image(folder.path().to_str().expect("text")).expect_err("a folder").to_string();
        assert!(answer().contains("is a folder, and has neither"), "{}", answer());
        fs::write(folder.path().join("vmlinux"), "").expect("a file");
        assert!(answer().ends_with("/vmlinux?"), "{}", answer());
        let bz_image = folder.path().join("arch/x86/boot/bzImage");
        fs::create_dir_all(bz_image.parent().expect("a folder")).expect("a folder");
        fs::write(&bz_image, "").expect("a file");
        assert!(answer().ends_with("/arch/x86/boot/bzImage?"), "{}", answer());
        let nowhere = image("/nowhere/bzImage").expect_err("not there").to_string();
        assert!(nowhere.contains("there is no kernel image at"), "{nowhere}");
    }

    #[test]
    fn where_one_kernel_runs_in_a_guest_neither_several_nor_the_running_one_will_do() {
        let workspace = Workspace::locate();
        let answer = |name: &str| obtain(&workspace, name).expect_err("not one guest").to_string();
        assert!(answer("6.18..7.0").ends_with("name one of 6.18, 6.19, 7.0"), "{}", answer("6.18..7.0"));
        assert!(answer(HOST).contains("`guest`"), "{}", answer(HOST));
    }
}
