//! `wakeproof completions` and `wakeproof man`: made of the command line itself, so that they are never out of date.
use std::io::Write;

use anyhow::Result;
use clap::{Args as ClapArgs, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Exit};

/// What `completions` takes.
#[derive(Clone, Debug, ClapArgs)]
#[command(after_help = "Example: wakeproof completions bash > /etc/bash_completion.d/wakeproof")]
pub struct Args {
    /// For which shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints what the shell reads.
pub fn run(args: &Args) -> Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "wakeproof", &mut text);
    std::io::stdout().write_all(&text)?;
    Ok(Exit::Good)
}

/// Prints the manual page: the command, then each of its subcommands.
pub fn man() -> Result<Exit> {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for below in command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help") {
        let man = clap_mangen::Man::new(below.clone());
        writeln!(page, ".SH \"WAKEPROOF {}\"", below.get_name().to_uppercase())?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        man.render_extra_section(&mut page)?;
    }
    std::io::stdout().write_all(&page)?;
    Ok(Exit::Good)
}
