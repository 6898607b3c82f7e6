//! `wakeproof inspect`: which I/O model a server has, and which mistakes it makes.
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::ValueEnum;

use super::{Exit, bad_input};
use crate::kernel;
use crate::load::nearest;
use crate::observe::adapter::Adapter;
use crate::observe::drive::Drive;
use crate::observe::guard::Promises;
use crate::observe::observation::Observation;
use crate::observe::phases::{self, Wishes};
use crate::observe::report::Report;
use crate::observe::{Target, Watcher};

/// Arguments of `wakeproof inspect`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER)]
pub struct Args {
    #[command(flatten)]
    load: LoadArgs,
    /// Watch this process and its descendants, which run already, under the load that they have.
    #[arg(long, value_name = "PID", conflicts_with = "command")]
    pid: Option<u32>,
    /// How long to watch it, in seconds.
    #[arg(long, default_value_t = 10, value_name = "SECONDS", requires = "pid")]
    seconds: u64,
    /// Be its client too, on the loopback of its network.
    #[arg(long, requires = "pid")]
    drive: bool,
    /// The report for people, or as JSON.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Print the JSON Schema of the report, and do nothing else.
    #[arg(long)]
    schema: bool,
    /// Keep everything that was seen in this file (JSON), to be judged again with `--from`.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Judge what an earlier run has kept.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// The server's command line.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// How the server is spoken to.
#[derive(Debug, Default, clap::Args)]
pub struct LoadArgs {
    /// The protocol [default: found out]: echo, http, redis, memcached, postgres, ssh, smtp.
    #[arg(long, value_name = "NAME")]
    protocol: Option<String>,
    /// The bytes of one request, for any other protocol; \r, \n, \t, \0 and \xNN are understood.
    #[arg(long, value_name = "BYTES", conflicts_with = "protocol")]
    request: Option<String>,
    /// The text that stands once in each reply [default: the request comes back].
    #[arg(long, value_name = "TEXT", requires = "request")]
    until: Option<String>,
    /// The port, if the server listens on several.
    #[arg(long)]
    port: Option<u16>,
    /// How long the server may take until it listens, in seconds.
    #[arg(long, default_value_t = 20, value_name = "SECONDS")]
    start: u64,
}

/// How the report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

const AFTER: &str = concat!(
    "Examples:\n",
    "  wakeproof inspect -- redis-server --port 7000 --save ''\n",
    "  wakeproof inspect --protocol http --format json -- nginx -g 'daemon off;'\n",
    "  wakeproof inspect --request 'HELLO\\r\\n' --until 'WELCOME' -- ./my-server\n",
    "  wakeproof inspect --pid 4711 --seconds 30\n",
    "\n",
    "The server runs in namespaces of its own, on a loopback of its own, and is ended afterwards.\n",
    "A process that is given with --pid is only watched, and goes on as before.\n",
);

impl LoadArgs {
    /// What the command line says, and where it is silent, the file.
    #[must_use]
    pub fn or(&self, file: &Promises) -> Self {
        let said = self.protocol.is_some() || self.request.is_some();
        let or = |mine: &Option<String>, theirs: &Option<String>| if said { mine.clone() } else { theirs.clone() };
        Self {
            protocol: or(&self.protocol, &file.protocol),
            request: or(&self.request, &file.request),
            until: or(&self.until, &file.until),
            port: self.port.or(file.port),
            start: self.start,
        }
    }

    /// What is wished of the load.
    pub fn wishes(&self) -> anyhow::Result<Wishes> {
        let adapter = match (&self.protocol, &self.request) {
            (Some(name), _) => Some(by_name(name)?),
            (None, Some(request)) => Some(Adapter::of_bytes(request, self.until.as_deref())),
            (None, None) => None,
        };
        Ok(Wishes { port: self.port, adapter, start: self.start * 1000, ours: true })
    }
}

fn by_name(name: &str) -> anyhow::Result<Adapter> {
    let all = Adapter::built_in();
    let names: Vec<&str> = all.iter().map(|adapter| adapter.name.as_str()).collect();
    if let Some(found) = all.iter().find(|adapter| adapter.name == name) {
        return Ok(found.clone());
    }
    let meant = nearest(name, &names).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    Err(bad_input(format!("there is no protocol `{name}`{meant} (there are: {})", names.join(", "))))
}

/// Watches a server under a load.
pub fn observe(target: &Target, wishes: &Wishes) -> anyhow::Result<Observation> {
    let mut watcher = Watcher::attach().map_err(|why| anyhow!("{why}; {}", why.remedy()))?;
    let (mut observation, server) = match target {
        Target::Command(command) => {
            let mut drive = Drive::start(None)?;
            drive.serve(command, watcher.token)?;
            (under_load(&mut drive, &mut watcher, wishes), command.join(" "))
        }
        Target::Process(pid, watch) => {
            if !std::fs::exists(format!("/proc/{pid}/ns/net")).unwrap_or(false) {
                return Err(bad_input(format!("there is no process {pid}")));
            }
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).trim_end_matches('\0').replace('\0', " ");
            watcher.track(*pid)?;
            let observation = match watch {
                Some(time) => phases::watch(&mut watcher, *time),
                None => under_load(&mut Drive::start(Some(*pid))?, &mut watcher, wishes),
            };
            (observation, format!("process {pid} ({line})"))
        }
    };
    if let Ok(observation) = &mut observation {
        observation.server = server;
        observation.kernel = kernel::identity().release;
    }
    observation
}

fn under_load(drive: &mut Drive, watcher: &mut Watcher, wishes: &Wishes) -> anyhow::Result<Observation> {
    let port = phases::listening(drive, watcher, wishes)?;
    let observation = phases::run(drive, watcher, port, wishes);
    drive.stop();
    observation
}

/// Runs the subcommand.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    use std::io::Write as _;
    let mut out = anstream::stdout();
    if args.schema {
        out.write_all(Report::schema().as_bytes())?;
        return Ok(Exit::Good);
    }
    let observation = if let Some(path) = &args.from {
        let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| bad_input(format!("{}: {error}", path.display())))?
    } else if let Some(pid) = args.pid {
        let watch = (!args.drive).then(|| Duration::from_secs(args.seconds));
        let wishes = Wishes { ours: false, ..args.load.wishes()? };
        observe(&Target::Process(pid, watch), &wishes)?
    } else if args.command.is_empty() {
        return Err(bad_input(
            "there is no server: write its command behind `--`, as in `wakeproof inspect -- redis-server`",
        ));
    } else {
        observe(&Target::Command(args.command.clone()), &args.load.wishes()?)?
    };
    if let Some(path) = &args.save {
        let text = serde_json::to_string(&observation)?;
        std::fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))?;
    }
    let report = Report::of(&observation);
    match args.format {
        Format::Text => out.write_all(report.text().as_bytes())?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, &report)?;
            writeln!(out)?;
        }
    }
    out.flush()?;
    Ok(Exit::Good)
}
