//! `checker`: what was promised, what was found, and an exit status.
//!
//! 0: nothing was found against any promise. 1: a promise was broken. 2: the run could not be judged.

#![forbid(unsafe_code)]

use anyhow::Context;
use checker::{Inputs, Logger, Progress, Sessions, check, engines};
use clap::Parser;
use serde::Deserialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use wire::{NodeId, SessionId};

const BROKEN: u8 = 1;
const NOT_JUDGED: u8 = 2;

/// Judges a run from what it left behind.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Directories with clients' records: requests.csv, executions.csv.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    clients: Vec<PathBuf>,
    /// Data directories of the loggers, with log/ and events/ in each; as NUMBER=DIR, its votes count by membership.
    #[arg(long, value_name = "DIR", num_args = 1.., required = true)]
    logger: Vec<String>,
    /// The engines' digests, as docs/CHECKER.md describes.
    #[arg(long, value_name = "FILE")]
    engines: Option<PathBuf>,
    /// The cluster's description, for the numbers of the clients' sessions; without it they are learned from the reports.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Tell the verdict as JSON.
    #[arg(long)]
    json: bool,
}

/// Of a cluster's description, only what names the sessions.
#[derive(Deserialize)]
struct Description {
    #[serde(default)]
    session: Vec<Session>,
}

#[derive(Deserialize)]
struct Session {
    id: u32,
    comp_id: String,
}

fn main() -> ExitCode {
    let told = run(&Args::parse());
    let status = match &told {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(BROKEN),
        Err(_) => ExitCode::from(NOT_JUDGED),
    };
    if let Err(error) = told {
        // Nobody is left to hear that this cannot be written.
        let _ = writeln!(std::io::stderr(), "checker: {error:#}");
    }
    status
}

/// True if no promise was broken.
fn run(args: &Args) -> anyhow::Result<bool> {
    let inputs = Inputs {
        clients: args.clients.clone(),
        loggers: loggers(&args.logger),
        engines: match &args.engines {
            Some(path) => engines::read(path).with_context(|| format!("{}", path.display()))?,
            None => Vec::new(),
        },
        sessions: args.config.as_deref().map(sessions).transpose()?,
    };
    let verdict = check(&inputs, &mut |Progress { whose, what, records }| {
        // A line that cannot be shown is no reason to stop.
        let _ = writeln!(std::io::stderr(), "  {whose}: {what}, {records} records");
    })?;
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &verdict.json())?;
        writeln!(out)?;
    } else {
        writeln!(out, "{verdict}")?;
    }
    Ok(verdict.is_clean())
}

/// Directories of the same name go by their whole path.
fn loggers(texts: &[String]) -> Vec<Logger> {
    let loggers: Vec<Logger> = texts.iter().map(|text| logger(text)).collect();
    let names: Vec<String> = loggers.iter().map(|logger| logger.name.clone()).collect();
    let is_shared = |name: &String| names.iter().filter(|other| *other == name).count() > 1;
    let named = |logger: Logger| match is_shared(&logger.name) {
        true => Logger { name: logger.directory.display().to_string(), ..logger },
        false => logger,
    };
    loggers.into_iter().map(named).collect()
}

fn logger(text: &str) -> Logger {
    let numbered = text.split_once('=').and_then(|(number, rest)| Some((number.parse().ok()?, rest)));
    match numbered {
        Some((number, directory)) => Logger { node: Some(NodeId(number)), ..Logger::at(directory.into()) },
        None => Logger::at(text.into()),
    }
}

fn sessions(path: &Path) -> anyhow::Result<Sessions> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let description: Description =
        toml::from_str(&text).with_context(|| format!("{} names no sessions", path.display()))?;
    Ok(description.session.into_iter().map(|session| (session.comp_id, SessionId(session.id))).collect())
}
