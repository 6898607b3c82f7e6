//! An apt of our own: the machine's mirrors and keys, with suites, lists and cache apart, so that nothing is installed
//! and the machine's own apt never hears of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, bail, ensure};

use super::{matrix::Entry, modules};
use crate::{process, workspace::Workspace};

/// How long package lists are good for.
const LISTS_GOOD_FOR: Duration = Duration::from_hours(24);

/// A private apt state with the suites of one kernel.
#[derive(Debug)]
pub struct Apt {
    configuration: PathBuf,
}

/// Where this machine gets packages from.
#[derive(Debug, PartialEq, Eq)]
struct Mirrors {
    main: String,
    security: String,
}

impl Apt {
    /// Sets the state up and brings its package lists up to date.
    pub fn open(workspace: &Workspace, entry: &Entry) -> Result<Self> {
        let codename = codename()?;
        // A state for each set of suites: series that share one share its lists, and one that vanishes spoils no other.
        let name = entry.suites.join("+").replace('*', &codename);
        let folder = workspace.kernels().join("apt").join(name);
        for part in ["state/lists/partial", "cache/archives/partial"] {
            let part = folder.join(part);
            fs::create_dir_all(&part).with_context(|| format!("failed to create {}", part.display()))?;
        }
        let mirrors = Mirrors::of_this_machine(&codename)?;
        let sources = sources(&mirrors, &keyring()?, &codename, &entry.suites);
        let configuration = folder.join("apt.conf");
        let lists_are_of_these_sources =
            fs::read_to_string(folder.join("sources.list")).is_ok_and(|old| old == sources);
        fs::write(folder.join("sources.list"), &sources).context("failed to write the private sources.list")?;
        fs::write(folder.join("status"), "").context("failed to write the private dpkg status")?;
        fs::write(&configuration, configure(&folder)).context("failed to write the private apt.conf")?;

        let apt = Self { configuration };
        let stamp = folder.join("updated");
        if !lists_are_of_these_sources || !is_recent(&stamp) {
            // Without this apt-get only warns, and goes on with whatever lists it has.
            let update = ["update", "-q", "-o", "APT::Update::Error-Mode=any"];
            process::output(apt.command("apt-get").args(update))
                .with_context(|| format!("failed to read the package lists of {}", entry.suites.join(", ")))?;
            fs::write(stamp, "").context("failed to note when the package lists were read")?;
        }
        Ok(apt)
    }

    /// The newest package that the pattern names; a metapackage stands for the kernel it depends on.
    pub fn newest(&self, pattern: &str) -> Result<String> {
        let prefix = pattern.split('*').next().unwrap_or(pattern);
        let names = process::output(self.command("apt-cache").args(["pkgnames", prefix]))?;
        let newest = newest_match(&names, pattern).with_context(|| {
            format!("the mirror has no package {pattern}; it may have moved on: see ci/kernels.toml")
        })?;
        if pattern.contains('*') {
            return Ok(newest.to_owned());
        }
        let depends = process::output(self.command("apt-cache").args(["depends", newest]))?;
        Ok(depended_kernel(&depends).unwrap_or(newest).to_owned())
    }

    /// Downloads the package into the folder and returns its file; apt checks it against the signed lists.
    pub fn download(&self, package: &str, folder: &Path) -> Result<PathBuf> {
        process::output(self.command("apt-get").args(["download", "-q", package]).current_dir(folder))
            .with_context(|| format!("failed to download {package}"))?;
        fs::read_dir(folder)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
            .with_context(|| format!("apt downloaded {package}, but left no file"))
    }

    /// How many bytes a package has to download, where the lists say so.
    pub fn size(&self, package: &str) -> Option<u64> {
        let text = process::output(self.command("apt-cache").args(["show", "--no-all-versions", package])).ok()?;
        text.lines().find_map(|line| line.strip_prefix("Size: ")).and_then(|size| size.trim().parse().ok())
    }

    /// The version that would be downloaded.
    pub fn version(&self, package: &str) -> Result<String> {
        self.offered(package)?.with_context(|| format!("the mirror has no version of {package}"))
    }

    /// The package that has the modules of a kernel's package; none if the mirror lacks it.
    pub fn modules_of(&self, kernel: &str) -> Result<Option<String>> {
        let package = modules::package(kernel);
        let there = package == kernel || self.offered(&package)?.is_some();
        Ok(there.then_some(package))
    }

    /// The version that would be downloaded; none if the lists know of no such package.
    fn offered(&self, package: &str) -> Result<Option<String>> {
        let policy = process::output(self.command("apt-cache").args(["policy", package]))?;
        Ok(crate::packages::candidate(&policy).map(str::to_owned))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", &self.configuration).env("LC_ALL", "C");
        command
    }
}

impl Mirrors {
    /// What the machine's own apt is configured with.
    fn of_this_machine(codename: &str) -> Result<Self> {
        let targets = process::output(Command::new("apt-get").args([
            "indextargets",
            "--format",
            "$(RELEASE) $(REPO_URI)",
            "Created-By: Packages",
        ]))
        .context("failed to ask apt for this machine's mirrors; kernels are fetched with apt")?;
        Self::parse(&targets, codename)
            .with_context(|| format!("this machine's apt has no mirror of {codename} from which to fetch kernels"))
    }

    /// From lines of release and address. Without a mirror of security updates the main one has to do.
    fn parse(targets: &str, codename: &str) -> Option<Self> {
        let find = |release: &str| {
            targets
                .lines()
                .filter_map(|line| line.split_once(' '))
                .find(|(name, _)| *name == release)
                .map(|(_, address)| address.trim().to_owned())
        };
        let main = find(codename)?;
        let security = find(&format!("{codename}-security")).unwrap_or_else(|| main.clone());
        Some(Self { main, security })
    }
}

/// The sources of the private state.
fn sources(mirrors: &Mirrors, keyring: &Path, codename: &str, suites: &[String]) -> String {
    let line = |suite: String| {
        let mirror = if suite.ends_with("-security") { &mirrors.security } else { &mirrors.main };
        format!("deb [arch=amd64 signed-by={}] {mirror} {suite} main\n", keyring.display())
    };
    let lines: Vec<String> = suites.iter().map(|suite| line(suite.replace('*', codename))).collect();
    lines.concat()
}

/// The configuration of the private state; everything it does not name, such as a proxy, stays the machine's.
fn configure(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "Dir::Etc::sourcelist \"{folder}/sources.list\";\n\
         Dir::Etc::sourceparts \"/dev/null\";\n\
         Dir::State \"{folder}/state\";\n\
         Dir::State::status \"{folder}/status\";\n\
         Dir::Cache \"{folder}/cache\";\n\
         Acquire::Languages \"none\";\n\
         Acquire::AllowInsecureRepositories \"false\";\n\
         APT::Sandbox::User \"root\";\n"
    )
}

/// The running distribution's codename.
fn codename() -> Result<String> {
    let text = fs::read_to_string("/etc/os-release").context("failed to read /etc/os-release")?;
    os_release(&text, "VERSION_CODENAME")
        .map(str::to_owned)
        .context("/etc/os-release names no VERSION_CODENAME; kernels are fetched on Debian only so far")
}

fn os_release<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
    Some(value.trim().trim_matches('"'))
}

/// The distribution's keys, without which nothing is believed.
fn keyring() -> Result<PathBuf> {
    let keyring = PathBuf::from("/usr/share/keyrings/debian-archive-keyring.gpg");
    ensure!(
        keyring.is_file(),
        "there is no {}, against which downloaded kernels are checked: apt-get install debian-archive-keyring",
        keyring.display()
    );
    Ok(keyring)
}

fn is_recent(stamp: &Path) -> bool {
    fs::metadata(stamp)
        .and_then(|metadata| metadata.modified())
        .is_ok_and(|then| SystemTime::now().duration_since(then).is_ok_and(|age| age < LISTS_GOOD_FOR))
}

/// The newest of the names that the pattern matches.
fn newest_match<'a>(names: &'a str, pattern: &str) -> Option<&'a str> {
    names.lines().map(str::trim).filter(|name| matches(name, pattern)).max_by(|a, b| natural(a).cmp(&natural(b)))
}

/// Whether the name is the pattern with something in place of its `*`.
fn matches(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((start, end)) => name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end),
    }
}

/// A key under which `5.10.0-9` comes before `5.10.0-46`: numbers count as numbers.
fn natural(name: &str) -> Vec<(u64, &str)> {
    name.split_inclusive(|c: char| !c.is_ascii_digit())
        .map(|part| {
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            (part[..end].parse().unwrap_or(0), &part[end..])
        })
        .collect()
}

/// The kernel package in the output of `apt-cache depends`.
fn depended_kernel(depends: &str) -> Option<&str> {
    depends
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "))
        .find(|name| name.starts_with("linux-image-") || name.starts_with("linux-binary-"))
}

/// Reports an apt failure in the words of the user's problem.
pub fn require_apt() -> Result<()> {
    if process::find_program("apt-get").is_none() {
        bail!("kernels are fetched with apt, and this machine has none; give a kernel image with `--kernel PATH`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_counts_numbers_as_numbers() {
        let names = "linux-image-5.10.0-9-cloud-amd64\nlinux-image-5.10.0-46-cloud-amd64\n\
                     linux-image-5.10.0-46-cloud-amd64-unsigned\nlinux-image-5.10.0-50-amd64\n";
        assert_eq!(newest_match(names, "linux-image-5.10.0-*-cloud-amd64"), Some("linux-image-5.10.0-46-cloud-amd64"));
        assert_eq!(newest_match(names, "linux-image-7.9-*"), None);
    }

    #[test]
    fn a_metapackage_leads_to_its_kernel() {
        let depends = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n";
        assert_eq!(depended_kernel(depends), Some("linux-image-6.1.0-56-cloud-amd64"));
        assert_eq!(depended_kernel("x\n  Depends: linux-base\n"), None);
    }

    #[test]
    fn mirrors_come_from_the_machines_own_configuration() {
        let targets = "old http://a/debian/\nold-security http://b/security/\nnodistro http://c/\n";
        let mirrors = Mirrors::parse(targets, "old").expect("both are there");
        assert_eq!(mirrors.main, "http://a/debian/");
        assert_eq!(
            sources(&mirrors, Path::new("/k"), "old", &["*".into(), "older-security".into()]),
            "deb [arch=amd64 signed-by=/k] http://a/debian/ old main\n\
             deb [arch=amd64 signed-by=/k] http://b/security/ older-security main\n"
        );
        assert_eq!(Mirrors::parse("nodistro http://c/\n", "old"), None);
    }

    #[test]
    fn os_release_values_may_be_quoted() {
        assert_eq!(os_release("ID=debian\nVERSION_CODENAME=\"x\"\n", "VERSION_CODENAME"), Some("x"));
        assert_eq!(os_release("ID=debian\n", "VERSION_CODENAME"), None);
    }
}
