//! The `demo-portal` command: what a company builds over gatehouse, small enough to read. The customer's
//! portal holds a portal key and nothing else, the administrator's console an admin key and nothing
//! else; both are clients of gatehouse like any other, by the generated code alone.
//!
//! | module | what |
//! |---|---|
//! | [`portal`] | the customer's pages: what an integrator copies from |
//! | [`console`] | the administrator's pages |
//! | [`gatehouse`] | the clients, and how to read an error |
//! | [`page`], [`web`], [`time`] | parts of pages, headers and cookies, times |
//! | [`outbox`] | the mail that a real portal would send |
//! | [`demo`] | what makes it a demonstration: a gatehouse of its own, with a portal in it |

use std::process::ExitCode;

use clap::Parser;

mod console;
mod demo;
mod gatehouse;
mod outbox;
mod page;
mod portal;
mod secret;
mod time;
mod web;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::INFO)
        .init();
    match demo::run(demo::Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
