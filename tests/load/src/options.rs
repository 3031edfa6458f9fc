//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::database::Kind;
use crate::limit::database::Statement;
use crate::seed::Counts;

/// Measures gatehouse: how much it serves, beside what limits it in the same run.
#[derive(Parser)]
#[command(name = "gatehouse-load")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Compare sign-ins, session checks and enrollments with their limits
    Bench(Bench),
    /// Fill an empty database with customers for measurements
    Seed(Seed),
    /// Be a limit
    #[command(subcommand, hide = true)]
    Limit(Limit),
    /// Be the server
    #[command(hide = true, disable_help_flag = true)]
    Gatehouse {
        /// Its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

/// Of a run that compares.
#[derive(Args, Clone)]
pub struct Bench {
    /// On which databases
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["sqlite", "postgres"])]
    pub databases: Vec<Kind>,
    /// Rounds of each, the limit after each
    #[arg(long, default_value_t = 5)]
    pub rounds: u32,
    /// Seconds of a round that are counted
    #[arg(long, default_value_t = 2.0)]
    pub seconds: f64,
    /// Seconds of each point of the curves
    #[arg(long, default_value_t = 1.5)]
    pub curve_seconds: f64,
    #[command(flatten)]
    pub counts: Numbers,
    #[command(flatten)]
    pub program: Program,
    #[command(flatten)]
    pub output: Output,
}

/// How many customers are made for it.
#[derive(Args, Clone, Copy)]
pub struct Numbers {
    /// Customers with a factor: each signs in once in 30 seconds
    #[arg(long, default_value_t = 10_000)]
    pub members: u64,
    /// Customers who have to set one up: each does so once
    #[arg(long, default_value_t = 6_000)]
    pub newcomers: u64,
    /// Customers who set one up in My Account, over and over
    #[arg(long, default_value_t = 500)]
    pub owners: u64,
    /// What tokens and secrets follow from
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl Numbers {
    /// As the seeding takes them.
    pub const fn counts(&self) -> Counts {
        Counts { members: self.members, newcomers: self.newcomers, owners: self.owners }
    }
}

/// The program that is measured.
#[derive(Args, Clone)]
pub struct Program {
    /// The `gatehouse` program [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    pub gatehouse: Option<PathBuf>,
    /// Measure the code that is built into this program: for its own tests
    #[arg(long, hide = true)]
    pub built_in: bool,
}

/// Where results go.
#[derive(Args, Clone)]
pub struct Output {
    /// Print JSON to standard output, and nothing else
    #[arg(long)]
    pub json: bool,
}

/// Of filling a database.
#[derive(Args)]
pub struct Seed {
    /// Customers with a factor and a session
    pub members: u64,
    /// The folder of the key ring, and of an SQLite database
    #[arg(long, default_value = "target/load")]
    pub folder: PathBuf,
    /// A PostgreSQL database instead
    #[arg(long)]
    pub database_url: Option<String>,
    /// Customers who have to set a factor up
    #[arg(long, default_value_t = 1_000)]
    pub newcomers: u64,
    /// Customers with a password and a session
    #[arg(long, default_value_t = 1_000)]
    pub owners: u64,
    /// What tokens and secrets follow from
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Which limit.
#[derive(Subcommand)]
pub enum Limit {
    /// Hashes alone
    Hasher,
    /// The transport alone
    Echo,
    /// A statement alone
    Database {
        /// Which.
        statement: Statement,
        /// Of the key ring.
        folder: PathBuf,
        /// What tokens follow from.
        seed: u64,
        /// PostgreSQL.
        database_url: Option<String>,
    },
}
