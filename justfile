# What the repository's scripts and tools are called for; `just` alone lists it.

export PATH := justfile_directory() / "target/tools/bin:" + env("PATH")

[private]
default:
    @just --list --unsorted

# Start the server from an unoptimized build
run *arguments:
    cargo run -- {{ arguments }}

# Look at it: a customers' portal and an administrator's console over a gatehouse of their own
demo *arguments:
    cargo run -p demo-portal -- {{ arguments }}

# Build everything, tests included
build:
    cargo build --workspace --all-targets

# Install what the tests need and run them all
test:
    tests/run

# Make the Debian package: docs/installing.md says what it brings
package: install
    cargo build --release --package gatehouse
    deploy/debian/build

# Install, serve, upgrade, remove and purge a Debian package of the tests' build, as root
package-test: install
    cargo build --workspace
    tests/package/run

# Run Rust's tests alone: just rust-test -p gatehouse-domain
rust-test *arguments="--workspace":
    cargo test {{ arguments }}

# Run the attack suite: just attack otp
attack *filter:
    cargo test --workspace --test attack -- {{ filter }}

# Fail every statement of every call that changes something
faults:
    cargo test --workspace --test e2e faults:: -- --nocapture

# Write down what every call sends to the database: look at the difference before it is committed
budget:
    UPDATE=1 cargo test --workspace --test e2e budget::

# Show what methods send, by the beginning of their names: just statements VerifyPassword
statements method="":
    STATEMENTS={{ method }} cargo test --workspace --test e2e budget::every -- --nocapture

# Count the instructions of what every call computes, and compare them: just instructions --update
instructions *arguments: install
    cargo run --profile instructions -p gatehouse-instructions -- check {{ arguments }}

# Run Rust's tests once more on a PostgreSQL whose transactions are serializable
serializable:
    TEST_POSTGRES_ISOLATION=serializable cargo test --workspace \
        --test attack --test store --test e2e --test process -- postgres three_replicas

# Replace servers of the version before by this one while calls go on: just upgrade [COMMIT]
upgrade *commit: install
    tests/upgrade {{ commit }}

# Race many calls against real servers, and see the counts: just race 10
race rounds="4":
    RACE_ROUNDS={{ rounds }} cargo test --workspace --test process races:: -- --nocapture

# Kill, freeze, restart and fill what serves under load for so many minutes, on each database
crash-loop minutes="5":
    CRASH_MINUTES={{ minutes }} cargo test --workspace --test process crash:: -- \
        --nocapture --include-ignored --test-threads 1

# Measure sign-ins, session checks and enrollments beside their limits: just bench --rounds 9
bench *arguments: release
    target/release/gatehouse-load bench --svg target/bench.svg {{ arguments }}

# Compare databases of a thousand customers with ones of up to a million: just growth 1000,100000
growth *arguments: release
    target/release/gatehouse-load growth --svg target/growth.svg {{ arguments }}

# Let callers do one thing: just load sign-in --callers 64, or --rate 100
load *arguments: release
    target/release/gatehouse-load run {{ arguments }}

# Make so many customers with sessions and factors in target/load, to measure on: just seed 1000000
seed customers *arguments: release
    target/release/gatehouse-load seed {{ customers }} {{ arguments }}

# Look for inputs that break a property of one target, or of `all` in turn: just fuzz names 60
fuzz target="all" seconds="600":
    tests/fuzz/run {{ target }} {{ seconds }}

# Add to a target's corpus what fuzzing found and the corpus does not reach
fuzz-keep target:
    tests/fuzz/run {{ target }} keep

# Change the code in small ways, and see which changes no test notices: just mutants domain -j2
mutants *arguments: install
    tests/mutants {{ arguments }}

# Run one client against a server of its own: just client grpcurl
client name: install
    cargo build
    tests/clients/with-server tests/clients/{{ name }}/run

# Run one example against a server of its own: just example typescript
example name: install
    cargo build
    tests/clients/with-server examples/{{ name }}/run

# Write docs/api.md, the code in docs/integrating.md and the examples' service config anew
guide: install
    tests/guide/run --update

# Build the contract's descriptors, for grpcurl -protoset, which needs no reflection then
protoset: install
    mkdir -p target
    buf build --output target/gatehouse.protoset#format=binpb

# Run the demo's pages in a browser: just browser -g 'backup code'
browser *arguments: install
    cargo build --package demo-portal --package gatehouse
    tests/browser/run {{ arguments }}

# Show the steps of enforced MFA one by one, with real codes
walkthrough: (client "walkthrough")

# Format Rust and the contract
format: install
    cargo fmt --all
    buf format --write

# Check Rust's style
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Check the contract's style, and that it breaks no client of the last one on main
proto: install
    buf lint
    buf format --diff --exit-code
    buf breaking --against '.git#branch=main'

# Check what is depended on, and who imports whom
deny: install
    cargo deny check bans licenses sources

# Everything that has to be green before a change lands
ci:
    .ci/run

# Apart from each other: what is measured is built without what only measuring needs.
[private]
release:
    cargo build --release --package gatehouse
    cargo build --release --package gatehouse-load

[private]
install:
    @tests/install
