//! One thing by itself.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::bench::SESSIONS;
use crate::database::Database;
use crate::drive::{Load, Pace};
use crate::options::{Run, What};
use crate::place::Place;
use crate::report::{Point, text};
use crate::seed::Seeded;
use crate::stage::Stage;

/// Runs it, and reports.
pub async fn run(options: &Run) -> Result<()> {
    let stage = stage(options).await?;
    let pace = options.rate.map_or(Pace::Closed, Pace::Open);
    let load =
        Load { callers: options.callers, pace, time: Duration::from_secs_f64(options.seconds) };
    let callers = options.callers;
    let measured = match options.what {
        What::SignIn => stage.drive(&Arc::new(stage.sign_in(callers)?), &load).await?,
        What::Validate => {
            let validate = stage.validate(callers, SESSIONS, false)?;
            stage.drive(&Arc::new(validate), &load).await?
        }
        What::Check => stage.drive(&Arc::new(stage.check(callers, SESSIONS)?), &load).await?,
        What::Enroll => stage.drive(&Arc::new(stage.enroll(callers)?), &load).await?,
        What::Account => stage.drive(&Arc::new(stage.account(callers)?), &load).await?,
        What::Mix => stage.drive(&Arc::new(stage.mix(callers)?), &load).await?,
    };
    if let Some(folder) = &options.folder {
        stage.seeded().save(folder)?;
    }
    let closed = options.rate.is_none().then_some(callers);
    let point = Point::of(&format!("{:?}", options.what), closed, options.rate, &measured)?;
    options.output.say(&text::point(stage.database.kind, &point));
    for (kind, count, latency) in measured.latency_by_kind() {
        let per_second = crate::measure::to_f64(count) / measured.time.as_secs_f64();
        options.output.say(&text::part(kind, per_second, latency));
    }
    options.output.json(&point)
}

async fn stage(options: &Run) -> Result<Stage> {
    let Some(folder) = &options.folder else {
        let counts = options.counts.counts();
        return Stage::set(options.database, options.counts.seed, counts, &options.program).await;
    };
    let seeded = Seeded::load(folder)?;
    let folder = folder.canonicalize()?;
    let place = Place { folder, database_url: options.database_url.clone() };
    Stage::over(Database::at(place), &seeded, &options.program)
}
