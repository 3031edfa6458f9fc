//! Measures gatehouse, beside what limits it.

mod bench;
mod client;
mod commits;
mod database;
mod drive;
mod growth;
mod limit;
mod measure;
mod options;
mod phone;
mod place;
mod population;
mod process;
mod report;
mod run;
mod scenario;
mod seed;
mod server;
mod simulate;
mod stage;

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;
use tokio::runtime::Builder;

use options::{Cli, Command, Limit};
use place::Place;
use population::Population;

/// As many as the server and the limits have here: neither side gets more of the machine.
const WORKERS: usize = 2;

fn main() -> ExitCode {
    let command = match Cli::parse().command {
        // It has a runtime of its own.
        Command::Gatehouse { arguments } => {
            let name = "gatehouse".to_owned();
            return gatehouse::command::run(std::iter::once(name).chain(arguments));
        }
        command => command,
    };
    match execute(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "gatehouse-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<()> {
    let runtime = Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Bench(options) => bench::run(&options).await,
            Command::Run(options) => run::run(&options).await,
            Command::Growth(options) => growth::run(&options).await,
            Command::Seed(options) => seed_place(options).await,
            Command::Limit(Limit::Hasher) => limit::hasher::obey().await,
            Command::Limit(Limit::Echo) => limit::echo::obey().await,
            Command::Limit(Limit::Collector) => limit::collector::obey().await,
            Command::Limit(Limit::Database { statement, folder, seed, database_url }) => {
                let place = Place { folder, database_url };
                limit::database::obey(&place, Population { seed }, statement).await
            }
            Command::Simulate(options) => simulate::run(&options),
            Command::Gatehouse { .. } => Ok(()),
        }
    })
}

async fn seed_place(options: options::Fill) -> Result<()> {
    let counts = seed::Counts {
        members: options.members,
        newcomers: options.newcomers,
        owners: options.owners,
    };
    let place = Place { folder: options.folder, database_url: options.database_url };
    let population = Population { seed: options.seed };
    let app = place.open().await?;
    let time = seed::fill(&app, population, &counts).await?;
    seed::Seeded::new(population.seed, counts).save(&place.folder)?;
    let mut out = io::stdout();
    writeln!(out, "{} customers in {:.1} s", counts.members, time.as_secs_f64())?;
    writeln!(out, "owner key: {}", population.owner_key().expose())?;
    Ok(())
}
