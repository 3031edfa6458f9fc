//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    /// Let callers do one thing, on a database that is made for it or was seeded
    Run(Run),
    /// Compare databases of a thousand customers with ones of up to a million
    Growth(Growth),
    /// Fill an empty database with customers for measurements
    Seed(Fill),
    /// Let sign-ins of millions of customers wait for cores, on paper
    Simulate(Simulate),
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
    /// Only comparisons whose name holds one of these words, and no curves
    #[arg(long, value_delimiter = ',', value_name = "WORD")]
    pub only: Vec<String>,
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

/// Of a run of one thing.
#[derive(Args)]
pub struct Run {
    /// What callers do
    #[arg(value_enum)]
    pub what: What,
    /// Callers; of an open loop, how many calls can be under way
    #[arg(long, default_value_t = 16)]
    pub callers: usize,
    /// Calls a second, whatever becomes of those before: an open loop
    #[arg(long)]
    pub rate: Option<f64>,
    /// Seconds that are counted
    #[arg(long, default_value_t = 5.0)]
    pub seconds: f64,
    /// On which database
    #[arg(long, value_enum, default_value = "sqlite")]
    pub database: Kind,
    /// The folder that was seeded [default: a new database is made]
    #[arg(long)]
    pub folder: Option<PathBuf>,
    /// The PostgreSQL database that was seeded with that folder
    #[arg(long, requires = "folder")]
    pub database_url: Option<String>,
    #[command(flatten)]
    pub counts: Numbers,
    #[command(flatten)]
    pub program: Program,
    #[command(flatten)]
    pub output: Output,
}

/// What callers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Full sign-ins: StartSignIn, VerifyPassword, VerifySecondFactor
    SignIn,
    /// ValidateSession
    Validate,
    /// The same as Envoy asks for it
    Check,
    /// First sign-ins where MFA is enforced, up to backup codes and the session
    Enroll,
    /// MFA set up and changed in My Account, with backup codes
    Account,
    /// Sign-ins, twenty pages after each, and newcomers
    Mix,
}

/// Of a comparison of sizes.
#[derive(Args)]
pub struct Growth {
    /// How many customers
    #[arg(value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000, 1_000_000])]
    pub sizes: Vec<u64>,
    /// On which databases
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["sqlite", "postgres"])]
    pub databases: Vec<Kind>,
    /// Rounds of each, the sizes in turns
    #[arg(long, default_value_t = 3)]
    pub rounds: u32,
    /// Seconds of a round that are counted
    #[arg(long, default_value_t = 1.0)]
    pub seconds: f64,
    /// What tokens and secrets follow from
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
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
    /// Draw the curves into this file
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

/// Of filling a database.
#[derive(Args)]
pub struct Fill {
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

/// Of sign-ins on paper.
#[derive(Args)]
pub struct Simulate {
    /// Sign-ins a second
    pub rate: f64,
    /// Cores that hash
    pub cores: u32,
    /// What one hash takes
    #[arg(long, default_value_t = 17.0)]
    pub hash_milliseconds: f64,
    /// How many sign-ins
    #[arg(long, default_value_t = 1_000_000)]
    pub sign_ins: u64,
}

/// Which limit.
#[derive(Subcommand)]
pub enum Limit {
    /// Hashes alone
    Hasher,
    /// The transport alone
    Echo,
    /// A collector of traces that keeps nothing
    Collector,
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
